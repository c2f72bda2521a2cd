//! The data that comes with Smolder, in `assets/data`.

use smolder_formats::Source;
use smolder_formats::dataset::{Dataset, Mapping, Record};
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::PathBuf;

fn samples() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/data");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn records(file: &PathBuf) -> Vec<Record> {
    let source = Source::new(file.display().to_string(), File::open(file).unwrap()).unwrap();
    let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
    std::iter::from_fn(|| dataset.next_record().unwrap()).map(|(_, record)| record.unwrap()).collect()
}

/// What is asked and what is answered.
fn texts(record: &Record) -> [String; 2] {
    match record {
        Record::Chat(messages) => {
            [0, 1].map(|at| messages[at]["content"].as_str().unwrap().trim().to_owned())
        }
        Record::Pair { prompt, completion } => [prompt.trim().to_owned(), completion.trim().to_owned()],
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_sample_is_whole_and_nothing_is_asked_twice() {
    let files = samples();
    assert_eq!(files.len(), 4);
    for file in files {
        let rows: Vec<[String; 2]> = records(&file).iter().map(texts).collect();
        assert!((50..=200).contains(&rows.len()), "{}: {} rows", file.display(), rows.len());
        let asked: HashSet<&str> = rows.iter().map(|[asked, _]| asked.as_str()).collect();
        assert_eq!(asked.len(), rows.len(), "{}: something is asked twice", file.display());
        assert!(rows.iter().flatten().all(|text| !text.is_empty()), "{}", file.display());
    }
}

#[test]
fn moods_are_four_and_equally_many() {
    let moods = samples().into_iter().find(|file| file.ends_with("moods.csv")).unwrap();
    let labels: Vec<String> = records(&moods).iter().map(|row| texts(row)[1].clone()).collect();
    for mood in ["joy", "sorrow", "anger", "fear"] {
        assert_eq!(labels.iter().filter(|label| *label == mood).count(), labels.len() / 4, "{mood}");
    }
}
