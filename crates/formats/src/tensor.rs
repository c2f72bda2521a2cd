//! Named tensors: the one interface that model and adapter files share.

pub use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};
use crate::quants::{dequantize_into, first_non_finite};

/// One entry of a tensor table, checked against the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name in the file.
    pub name: String,
    /// The shape, outermost dimension first: `[out, in]` for a linear layer, in GGUF files too.
    pub shape: Vec<u64>,
    /// The element format.
    pub dtype: Dtype,
    /// Where the payload starts, in bytes from the start of its file.
    pub offset: u64,
    /// The payload's length in bytes.
    pub bytes: u64,
    /// Which part of a split model holds it; 0 for a whole one.
    pub part: u16,
}

impl TensorInfo {
    /// The number of elements. Readers have checked that the product fits.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// The payload as offsets and lengths in order: pieces of whole blocks, each about `bytes` long.
    pub fn pieces(&self, bytes: usize) -> impl Iterator<Item = (u64, usize)> + use<> {
        let (total, block) = (self.bytes, self.dtype.block_bytes());
        let step = (bytes / block).max(1) * block;
        (0..total).step_by(step).map(move |offset| (offset, (total - offset).min(step as u64) as usize))
    }
}

/// Tensors by name, with payloads read when asked for.
pub trait TensorSource {
    /// What errors and people call it.
    fn name(&self) -> &str;

    /// The table, in file order.
    fn tensors(&self) -> &[TensorInfo];

    /// The file that holds a tensor's payload, where a model has several.
    fn file_of(&self, _tensor: &TensorInfo) -> &str {
        self.name()
    }

    /// Fills `buffer` with a tensor's bytes from `offset` (within the tensor) on.
    ///
    /// # Errors
    /// [`Kind::Truncated`] or [`Kind::Io`] from the source; [`Kind::Offset`] past the tensor's end.
    fn read_part(&mut self, tensor: &TensorInfo, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// The entry called `name`.
    fn find(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors().iter().find(|t| t.name == name)
    }

    /// The entry called `name`.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is none.
    fn require(&self, name: &str) -> Result<&TensorInfo> {
        let found = || format!("{} tensors without it", self.tensors().len());
        self.find(name).ok_or_else(|| {
            Error::new(Kind::Missing, format!("tensor `{name}`"), "a tensor of this name", found())
                .in_file(self.name())
        })
    }

    /// The whole payload at once: for small tensors.
    fn read_tensor(&mut self, tensor: &TensorInfo) -> Result<Vec<u8>> {
        let mut bytes = vec![0; tensor.bytes as usize];
        self.read_part(tensor, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// The payload in order, in pieces of whole blocks, each about `chunk_bytes` long.
    fn read_chunks(
        &mut self,
        tensor: &TensorInfo,
        chunk_bytes: usize,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = Vec::new();
        for (offset, len) in tensor.pieces(chunk_bytes) {
            buffer.resize(len, 0);
            self.read_part(tensor, offset, &mut buffer)?;
            each(&buffer)?;
        }
        Ok(())
    }

    /// [`Self::read_part`] for weights that are computed with: `offset` and `buffer` span whole blocks.
    ///
    /// # Errors
    /// [`Kind::Value`] naming the first block whose scales, or the first element that, is infinite or not a number.
    fn read_finite_part(&mut self, tensor: &TensorInfo, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.read_part(tensor, offset, buffer)?;
        first_non_finite(tensor.dtype, buffer).map_or(Ok(()), |index| {
            let blocks = offset as usize / tensor.dtype.block_bytes();
            Err(not_finite(tensor, blocks + index).in_file(self.file_of(tensor)))
        })
    }

    /// [`Self::read_chunks`] for weights that are computed with.
    ///
    /// # Errors
    /// [`Kind::Value`] naming the first block whose scales, or the first element that, is infinite or not a number.
    fn read_finite(
        &mut self,
        tensor: &TensorInfo,
        chunk_bytes: usize,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = Vec::new();
        for (offset, len) in tensor.pieces(chunk_bytes) {
            buffer.resize(len, 0);
            self.read_finite_part(tensor, offset, &mut buffer)?;
            each(&buffer)?;
        }
        Ok(())
    }

    /// The tensor as 32-bit floats, dequantized: elements in row-major order.
    ///
    /// # Errors
    /// Those of [`Self::read_finite`].
    fn read_f32(&mut self, tensor: &TensorInfo) -> Result<Vec<f32>> {
        let mut values = Vec::with_capacity(tensor.elements() as usize);
        let dtype = tensor.dtype;
        self.read_finite(tensor, crate::source::CHUNK_BYTES, &mut |chunk| {
            dequantize_into(dtype, chunk, &mut values)
        })?;
        Ok(values)
    }
}

fn not_finite(tensor: &TensorInfo, index: usize) -> Error {
    let (unit, expected) =
        if tensor.dtype.is_quantized() { ("block", "finite scales") } else { ("element", "a finite number") };
    let field = format!("tensor `{}`, {} {unit} {index}", tensor.name, tensor.dtype);
    Error::new(Kind::Value, field, expected, "infinity or NaN")
}

/// Refuses reads past a tensor's end: shared by the sources.
pub(crate) fn check_part(tensor: &TensorInfo, offset: u64, len: usize) -> Result<u64> {
    let inside = offset.checked_add(len as u64).is_some_and(|end| end <= tensor.bytes);
    let found = || format!("{len} bytes from {offset}");
    let start = tensor.offset.checked_add(offset).filter(|_| inside);
    start.ok_or_else(|| {
        let expected = format!("a range inside its {} bytes", tensor.bytes);
        Error::new(Kind::Offset, format!("tensor `{}`", tensor.name), expected, found())
    })
}

/// Whether `name` and `shape` can name a tensor in any file: shared by the readers.
pub(crate) fn element_count(field: &str, shape: &[u64]) -> Result<u64> {
    let product = shape.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
    product.filter(|n| i64::try_from(*n).is_ok()).ok_or_else(|| {
        Error::new(Kind::Shape, field, "a shape whose product fits 63 bits", format!("{shape:?}"))
    })
}

/// [`TensorSource::file_of`] of a model in several files.
pub(crate) fn part_name<'p, P: TensorSource>(parts: &'p [P], tensor: &TensorInfo) -> &'p str {
    parts.get(usize::from(tensor.part)).map_or("", P::name)
}

/// [`TensorSource::read_part`] of a model in several files: by the one that holds the tensor.
pub(crate) fn read_from<P: TensorSource>(
    parts: &mut [P],
    tensor: &TensorInfo,
    offset: u64,
    buffer: &mut [u8],
) -> Result<()> {
    let part = parts.get_mut(usize::from(tensor.part)).ok_or_else(|| {
        Error::new(Kind::Missing, format!("tensor `{}`", tensor.name), "its part", tensor.part)
    })?;
    part.read_part(tensor, offset, buffer)
}
