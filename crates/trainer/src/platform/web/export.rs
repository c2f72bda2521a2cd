//! An adapter in the forms that other programs read, as files for the browser to hand out.

use super::file::OpfsFile;
use super::files::OpfsFiles;
use super::folder::{Access, Folder};
use super::import::{Progress, check_name};
use super::js::AbortSignal;
use crate::files::Files;
use smolder_formats::adapter::{Heads, LoraAdapter, PeftAdapter, write_gguf, write_mlx};
use smolder_kernels::turn;
use smolder_models::{Merging, Opened};
use smolder_protocol::storage::{EXPORTS, Export, ExportForm, StorageFailure};
use std::io::{BufWriter, Error, ErrorKind, Result as IoResult, Write};

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;
/// By then the browser has taken what it was given.
const KEPT_MS: f64 = 3_600_000.0;

type Result<T> = std::result::Result<T, StorageFailure>;

/// Writes an export, a tensor at a time, and tells its files' names.
pub(crate) async fn export(
    wanted: &Export,
    stop: &AbortSignal,
    progress: Progress<'_>,
) -> Result<Vec<String>> {
    check_name(&wanted.name)?;
    let folder = Folder::root().await?.folder(EXPORTS).await?;
    clear(&folder).await?;
    let mut base = OpfsFiles.model(&wanted.model).await.map_err(unusable)?;
    let adapter = OpfsFiles.adapter(&wanted.adapter, &mut base).await.map_err(unusable)?;
    let name = &wanted.name;
    let files = match wanted.form {
        ExportForm::GgufLora => vec![(format!("{name}.lora.gguf"), gguf_lora(adapter, &mut base)?)],
        ExportForm::Mlx => {
            let [weights, config] = mlx(adapter, base.is_tied())?;
            vec![(format!("{name}.mlx.safetensors"), weights), (format!("{name}.mlx.json"), config)]
        }
        ExportForm::Merged => {
            let file = format!("{name}.gguf");
            let written = merged(&folder, &file, (&mut base, &adapter), stop, progress).await;
            if written.is_err() {
                let _ = folder.remove(&file).await;
            }
            return written.map(|()| vec![file]);
        }
    };
    for (file, bytes) in &files {
        let mut out = Out::create(&folder, file).await?;
        let written = out.write_all(bytes);
        out.ended(written)?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

/// Removes what was handed out long ago.
async fn clear(folder: &Folder) -> Result<()> {
    for file in folder.files().await? {
        if folder.blob(&file).await?.changed_ms() + KEPT_MS < js_sys::Date::now() {
            let _ = folder.remove(&file).await;
        }
    }
    Ok(())
}

fn gguf_lora(adapter: PeftAdapter, base: &mut Opened<OpfsFile>) -> Result<Vec<u8>> {
    let (tied, sizes) = (base.is_tied(), &base.config.sizes);
    let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
    let lora = LoraAdapter::from_peft(adapter).map_err(unusable)?;
    lora.check_shapes(|module| module.shape(sizes)).map_err(unusable)?;
    lora.check_ends(tied, "llama.cpp").map_err(unusable)?;
    write_gguf(&lora, &sizes.architecture, heads, Vec::new()).map_err(unusable)
}

fn mlx(adapter: PeftAdapter, tied: bool) -> Result<[Vec<u8>; 2]> {
    let lora = LoraAdapter::from_peft(adapter).map_err(unusable)?;
    lora.check_ends(tied, "mlx-lm").map_err(unusable)?;
    let mut weights = Vec::new();
    let config = write_mlx(&lora, &mut weights).map_err(unusable)?;
    Ok([weights, config.into_bytes()])
}

async fn merged(
    folder: &Folder,
    file: &str,
    (base, adapter): (&mut Opened<OpfsFile>, &PeftAdapter),
    stop: &AbortSignal,
    progress: Progress<'_>,
) -> Result<()> {
    let mut out = Out::create(folder, file).await?;
    let written = async {
        let mut merging = Merging::begin(base, adapter, None, &mut out).map_err(unusable)?;
        while let Some((done, total)) = merging.step().map_err(unusable)? {
            progress(done, Some(total));
            // Cancelling is a message, too.
            turn().await;
            if stop.aborted() {
                return Err(StorageFailure::Cancelled);
            }
        }
        merging.finish().map(drop).map_err(unusable)
    };
    let written = written.await;
    if out.full { Err(StorageFailure::Full { missing_bytes: None }) } else { written }
}

/// A file that is written, and whether there was no room for it.
struct Out {
    file: BufWriter<OpfsFile>,
    full: bool,
}

impl Out {
    async fn create(folder: &Folder, name: &str) -> Result<Self> {
        let mut file = folder.open(name, Access::Write).await?;
        file.cut(0).map_err(|error| refused(&error))?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER_BYTES, file), full: false })
    }

    fn ended(mut self, written: IoResult<()>) -> Result<()> {
        written.and_then(|()| self.flush()).map_err(|error| refused(&error))
    }

    fn noting<T>(&mut self, done: IoResult<T>) -> IoResult<T> {
        self.full |= done.as_ref().is_err_and(|error| error.kind() == ErrorKind::StorageFull);
        done
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        let written = self.file.write(bytes);
        self.noting(written)
    }

    fn flush(&mut self) -> IoResult<()> {
        let flushed = self.file.flush();
        self.noting(flushed)
    }
}

fn refused(error: &Error) -> StorageFailure {
    match error.kind() {
        ErrorKind::StorageFull => StorageFailure::Full { missing_bytes: None },
        _ => StorageFailure::Refused { reason: error.to_string() },
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unusable(error: impl ToString) -> StorageFailure {
    StorageFailure::File { reason: error.to_string() }
}
