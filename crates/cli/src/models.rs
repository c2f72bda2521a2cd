//! `smolder models`: what there is to start from, and what of it is here.

use crate::bundled;
use crate::download::{self, Wanted};
use crate::library::{Library, is_here};
use crate::output::tell;
use crate::spec::Spec;
use crate::store;
use anyhow::Result;
use serde_json::{Value, json};
use smolder_formats::inspect::size;
use smolder_protocol::bundled::MODEL;
use smolder_protocol::catalog::{BASES, Base};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// Options of `smolder models`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Download a model, or verify one that is here; prints its path.
    Get {
        /// A name in the list, or organisation/repository[/file.gguf][@revision] at the hub.
        #[arg(required = true)]
        models: Vec<PathBuf>,
    },
    /// Delete a downloaded model, and what has arrived of an unfinished one.
    Rm {
        /// A name in the list, or organisation/repository[/file.gguf][@revision].
        #[arg(required = true)]
        models: Vec<PathBuf>,
    },
}

/// Lists, gets or removes models.
pub fn run(arguments: &Arguments) -> Result<()> {
    let library = Library::open()?;
    match &arguments.task {
        Some(Task::Get { models }) => models.iter().try_for_each(|model| get(&library, &Spec::parse(model)?)),
        Some(Task::Rm { models }) => {
            models.iter().try_for_each(|model| remove(&library, &Spec::parse(model)?))
        }
        None if arguments.json => print(&format!("{:#}\n", list(&library))),
        None => print(&table(&library)),
    }
}

fn print(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn get(library: &Library, spec: &Spec) -> Result<()> {
    if let Spec::Base(Base { name, licence, .. }) = spec
        && let Some(terms) = licence.terms
    {
        tell!("By using {name} you agree to its licence: {terms}");
    }
    let files = library.files(spec)?;
    files.iter().filter(|wanted| is_here(wanted)).try_for_each(download::verify)?;
    let path = library.get(&files)?;
    print(&format!("{}\n", path.display()))
}

fn remove(library: &Library, spec: &Spec) -> Result<()> {
    let mut freed = 0;
    for Wanted { path, .. } in library.files(spec)? {
        freed += library.store.remove(&path)?;
    }
    tell!("{} freed", size(freed));
    Ok(())
}

/// How much of a file is here.
enum Here {
    Whole,
    Part(u64),
    Nothing,
}

fn here(wanted: &Wanted) -> Here {
    let part = fs::metadata(store::part(&wanted.path)).map(|found| found.len());
    match part {
        _ if is_here(wanted) => Here::Whole,
        Ok(bytes) if bytes > 0 => Here::Part(bytes),
        _ => Here::Nothing,
    }
}

fn list(library: &Library) -> Value {
    let entry = |base: &Base| {
        let wanted = library.base(base);
        let mut entry = json!(base);
        entry["address"] = json!(wanted.address);
        entry["path"] = json!(matches!(here(&wanted), Here::Whole).then_some(&wanted.path));
        entry
    };
    let other = |(spec, path)| json!({ "id": spec, "path": path });
    json!({
        "catalog": BASES.iter().map(entry).collect::<Vec<_>>(),
        "others": library.store.others().into_iter().map(other).collect::<Vec<_>>(),
    })
}

fn table(library: &Library) -> String {
    let titles = ["NAME", "SIZE", "PARAMETERS", "LICENCE", "HERE"].map(str::to_owned);
    let size_of = |path| fs::metadata(path).map_or(0, |found| found.len());
    let tales = bundled::path(&MODEL).map_or(0, size_of);
    let licence = "CC0-1.0".to_owned();
    let mut rows =
        vec![titles, [MODEL.id.to_owned(), size(tales), "2 M".to_owned(), licence, "yes".to_owned()]];
    rows.extend(BASES.iter().map(|base| row(base, &library.base(base))));
    rows.extend(
        library
            .store
            .others()
            .into_iter()
            .map(|(spec, path)| [spec, size(size_of(path)), String::new(), String::new(), "yes".to_owned()]),
    );
    let advice = "\n`smolder models get NAME` downloads one. Any other GGUF model: give its path, or\n\
        organisation/repository/file.gguf at the hub. `--json` has addresses, revisions and hashes too.\n";
    align(&rows) + advice
}

fn row(base: &Base, wanted: &Wanted) -> [String; 5] {
    let here = match here(wanted) {
        Here::Whole => "yes".to_owned(),
        Here::Part(bytes) => format!("{} of it", size(bytes)),
        Here::Nothing => "no".to_owned(),
    };
    let mut licence = base.licence.name.to_owned();
    licence += if base.licence.terms.is_some() { " (own terms)" } else { "" };
    licence += if base.gated { ", to be accepted at the hub" } else { "" };
    let bytes = base.bytes.map_or("unknown".to_owned(), size);
    [base.id.to_owned(), bytes, format!("{} M", (base.parameters + 500_000) / 1_000_000), licence, here]
}

/// Columns as wide as their widest cell.
fn align(rows: &[[String; 5]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
