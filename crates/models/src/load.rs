//! From a file's tensors to a model on a device, a few MiB at a time.

use crate::config::{Config, Rope};
use crate::layers::{Attention, Block, FeedForward, Inputs, Linear, Norm};
use crate::model::Model;
use crate::read::read;
use smolder_formats::names::{Place, Projection, to_hf};
use smolder_formats::{Error, Kind, TensorInfo, TensorSource};
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};
use smolder_kernels::{Matrix, MatrixBuilder, Scaling, rope_frequencies, turn};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 4 << 20;

/// Why a model was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] Error),
    /// Somebody asked to stop.
    #[error("loading was cancelled")]
    Cancelled,
    /// The device failed.
    #[error("the device did not take the model: {0}")]
    Device(String),
}

/// Told of bytes done and in all; breaks to cancel.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

impl Model {
    /// Reads every tensor and puts it on `device`, checking names, shapes and that all numbers are finite. Others have
    /// a turn after every few MiB, and the device has taken all of them when this is done.
    ///
    /// # Errors
    /// [`LoadError::File`] naming the tensor; [`LoadError::Cancelled`] when `progress` breaks; [`LoadError::Device`].
    pub async fn load(
        source: &mut dyn TensorSource,
        config: Config,
        device: &Device,
        progress: Progress<'_>,
    ) -> Result<Self, LoadError> {
        config.sizes.check_tensors(source)?;
        let hf = source.tensors().iter().any(|tensor| tensor.name.starts_with("model."));
        let total = source.tensors().iter().map(|tensor| tensor.bytes).sum();
        let config_of = &config;
        let used = HashSet::new();
        let mut loader = Loader {
            source,
            config: config_of,
            device,
            progress,
            hf,
            used,
            done: 0,
            total,
            cancelled: false,
        };
        let parts = loader.model().await;
        let parts =
            parts.map_err(|e| if loader.cancelled { LoadError::Cancelled } else { LoadError::File(e) })?;
        let model = parts(config, device.clone());
        read(model.norm.weight.clone()).await.map_err(LoadError::Device)?;
        Ok(model)
    }
}

struct Loader<'a> {
    source: &'a mut dyn TensorSource,
    config: &'a Config,
    device: &'a Device,
    progress: Progress<'a>,
    /// Whether the files have Hugging Face's names.
    hf: bool,
    /// Names of tensors that the model has been asked for.
    used: HashSet<String>,
    done: u64,
    total: u64,
    cancelled: bool,
}

type Assemble = Box<dyn FnOnce(Config, Device) -> Model>;

impl Loader<'_> {
    async fn model(&mut self) -> Result<Assemble, Error> {
        if let Some(tensor) = self.source.tensors().iter().find(|t| t.name.starts_with("rope_factors_")) {
            let field = format!("tensor `{}`", tensor.name);
            return Err(Error::new(
                Kind::Unsupported,
                field,
                "a model without longrope (take its file with the shorter context)",
                "its factors",
            ));
        }
        let embedding = self.matrix("token_embd.weight", Order::AsIs).await?;
        let factors = self.find("rope_freqs.weight").map(|info| self.source.read_f32(&info)).transpose()?;
        let mut ropes = Ropes { device: self.device, factors, tables: HashMap::new() };
        let mut blocks = Vec::new();
        for layer in 0..self.config.layers.len() {
            blocks.push(Box::pin(self.block(layer as u32, &mut ropes)).await?);
        }
        let norm = self.norm("output_norm.weight").await?;
        let head = match self.find("output.weight") {
            Some(_) if self.config.sizes.tied != Some(true) => {
                Some(self.matrix("output.weight", Order::AsIs).await?)
            }
            _ => None,
        };
        self.nothing_left_over()?;
        Ok(Box::new(move |config, device| Model { config, device, embedding, blocks, norm, head }))
    }

    async fn block(&mut self, layer: u32, ropes: &mut Ropes<'_>) -> Result<Block, Error> {
        let config = self.config;
        let fused = Projection::of(&config.sizes.architecture).contains(&Projection::Qkv);
        Ok(Block {
            attention_norm: self.norm(&norm_name(layer, "attn_norm")).await?,
            attention: self.attention(layer, fused, ropes).await?,
            attention_post_norm: self.norm_if(config.post_norms, layer, "post_attention_norm").await?,
            feed_forward_norm: self.norm(&norm_name(layer, "ffn_norm")).await?,
            feed_forward: self.feed_forward(layer, fused).await?,
            feed_forward_post_norm: self.norm_if(config.post_norms, layer, "post_ffw_norm").await?,
        })
    }

    async fn attention(
        &mut self,
        layer: u32,
        fused: bool,
        ropes: &mut Ropes<'_>,
    ) -> Result<Attention, Error> {
        let config = self.config;
        let place = &config.layers[layer as usize];
        Ok(Attention {
            inputs: if fused {
                Inputs::Fused(self.linear(layer, Projection::Qkv).await?)
            } else {
                Inputs::Separate([
                    self.linear(layer, Projection::Q).await?,
                    self.linear(layer, Projection::K).await?,
                    self.linear(layer, Projection::V).await?,
                ])
            },
            output: self.linear(layer, Projection::O).await?,
            q_norm: self.norm_if(config.qk_norm, layer, "attn_q_norm").await?,
            k_norm: self.norm_if(config.qk_norm, layer, "attn_k_norm").await?,
            frequencies: place.rope.as_ref().map(|rope| ropes.table(rope)).transpose()?,
            amplitude: place.rope.as_ref().map_or(1.0, |rope| rope.scaling.amplitude()),
            window: place.window,
        })
    }

    async fn feed_forward(&mut self, layer: u32, fused: bool) -> Result<FeedForward, Error> {
        let inputs = if fused {
            Inputs::Fused(self.linear(layer, Projection::GateUp).await?)
        } else {
            Inputs::Separate([
                self.linear(layer, Projection::Gate).await?,
                self.linear(layer, Projection::Up).await?,
            ])
        };
        Ok(FeedForward { inputs, output: self.linear(layer, Projection::Down).await? })
    }

    async fn linear(&mut self, layer: u32, projection: Projection) -> Result<Linear, Error> {
        let place = Place { layer, projection };
        let permuted = self.config.permuted_qk && matches!(projection, Projection::Q | Projection::K);
        let order = if permuted { Order::Paired(self.config.sizes.head_dim as usize) } else { Order::AsIs };
        let biased = self.config.has_bias(projection);
        let weight = self.matrix(&format!("{}.weight", place.gguf()), order).await?;
        let bias =
            if biased { Some(self.vector(&format!("{}.bias", place.gguf()), 0.0).await?) } else { None };
        Ok(Linear { place, weight, bias })
    }

    /// A matrix, its rows in Hugging Face's order.
    async fn matrix(&mut self, name: &str, order: Order) -> Result<Matrix, Error> {
        let info = self.require(name)?;
        let cols = info.shape.last().copied().unwrap_or_default() as usize;
        let row_bytes = info.dtype.block_bytes() * cols / info.dtype.block_len();
        let mut builder = MatrixBuilder::new(info.dtype, cols, self.device);
        let chunk = match order {
            Order::AsIs => (CHUNK_BYTES / row_bytes).max(1) * row_bytes,
            Order::Paired(_) => info.bytes as usize,
        };
        self.read(&info, chunk, &mut |bytes| match order {
            Order::AsIs => builder.push(bytes),
            Order::Paired(head_dim) => builder.push(&unpaired(bytes, row_bytes, head_dim)),
        })
        .await?;
        Ok(builder.finish())
    }

    async fn norm(&mut self, name: &str) -> Result<Norm, Error> {
        let Config { norm_stored_less: stored_less, sizes, .. } = self.config;
        let weight = self.vector(name, if self.hf { *stored_less } else { 0.0 }).await?;
        let path = to_hf(&sizes.architecture, name).unwrap_or_default();
        let path = path.trim_end_matches(".weight").to_owned();
        Ok(Norm { path, weight, stored_less: *stored_less, eps: sizes.norm_eps as f32 })
    }

    /// A norm that not every family has.
    async fn norm_if(&mut self, has: bool, layer: u32, tensor: &str) -> Result<Option<Norm>, Error> {
        if has { self.norm(&norm_name(layer, tensor)).await.map(Some) } else { Ok(None) }
    }

    /// A vector with `offset` added to each number.
    async fn vector(&mut self, name: &str, offset: f32) -> Result<Tensor<1>, Error> {
        let info = self.require(name)?;
        let mut values = Vec::new();
        let dtype = info.dtype;
        self.read(&info, CHUNK_BYTES, &mut |bytes| {
            smolder_formats::quants::dequantize_into(dtype, bytes, &mut values)
        })
        .await?;
        for value in &mut values {
            *value += offset;
        }
        let len = values.len();
        Ok(Tensor::from_data(TensorData::new(values, [len]), self.device))
    }

    async fn read(
        &mut self,
        info: &TensorInfo,
        chunk_bytes: usize,
        each: &mut dyn FnMut(&[u8]) -> smolder_formats::Result<()>,
    ) -> Result<(), Error> {
        let mut buffer = Vec::new();
        for (offset, len) in info.pieces(chunk_bytes) {
            buffer.resize(len, 0);
            self.source.read_finite_part(info, offset, &mut buffer)?;
            each(&buffer)?;
            self.done += len as u64;
            turn().await;
            self.cancelled = (self.progress)(self.done, self.total).is_break();
            if self.cancelled {
                return Err(Error::new(Kind::Value, "loading", "to go on", "a request to stop"));
            }
        }
        Ok(())
    }

    /// A tensor that nobody asked for, as a bias, belongs to a model that computes something else.
    fn nothing_left_over(&self) -> Result<(), Error> {
        let unused = |info: &&TensorInfo| !self.used.contains(&info.name) && !is_table(&info.name);
        let Some(info) = self.source.tensors().iter().find(unused) else { return Ok(()) };
        let expected = format!("no more than the tensors of a {} model", self.config.sizes.architecture);
        Err(Error::new(Kind::Unsupported, format!("tensor `{}`", info.name), expected, "one more"))
    }

    fn find(&mut self, name: &str) -> Option<TensorInfo> {
        let name = self.file_name(name);
        let info = self.source.find(&name).cloned();
        self.used.insert(name);
        info
    }

    fn require(&mut self, name: &str) -> Result<TensorInfo, Error> {
        let name = self.file_name(name);
        let info = self.source.require(&name).cloned();
        self.used.insert(name);
        info
    }

    fn file_name(&self, gguf: &str) -> String {
        let theirs = if self.hf { to_hf(&self.config.sizes.architecture, gguf) } else { None };
        theirs.unwrap_or_else(|| gguf.to_owned())
    }
}

/// What older files store of a rotary embedding, which follows from its base.
fn is_table(name: &str) -> bool {
    name.ends_with("rotary_emb.inv_freq")
}

fn norm_name(layer: u32, tensor: &str) -> String {
    format!("blk.{layer}.{tensor}.weight")
}

/// How a file orders the rows of a matrix.
#[derive(Clone, Copy)]
enum Order {
    /// As Hugging Face does.
    AsIs,
    /// Within each head of so many rows, those that RoPE pairs lie side by side.
    Paired(usize),
}

/// Rows in Hugging Face's order: row `h` of a head is the file's row `2·(h mod half) + h / half`.
fn unpaired(bytes: &[u8], row_bytes: usize, head_dim: usize) -> Vec<u8> {
    let half = (head_dim / 2).max(1);
    let from = |row: usize| {
        let (head, within) = (row / head_dim, row % head_dim);
        head * head_dim + 2 * (within % half) + within / half
    };
    let rows = (0..bytes.len() / row_bytes).map(from);
    rows.flat_map(|row| bytes.get(row * row_bytes..(row + 1) * row_bytes).unwrap_or_default())
        .copied()
        .collect()
}

/// The frequencies' tables, each on the device once.
struct Ropes<'a> {
    device: &'a Device,
    /// GGUF's divisors for every layer.
    factors: Option<Vec<f32>>,
    tables: HashMap<String, Tensor<1>>,
}

impl Ropes<'_> {
    fn table(&mut self, rope: &Rope) -> Result<Tensor<1>, Error> {
        let scaling = self.factors.clone().map_or(rope.scaling.clone(), Scaling::Factors);
        if let Scaling::Factors(factors) = &scaling
            && (factors.len() != rope.rotary / 2 || factors.contains(&0.0))
        {
            let expected = format!("{} numbers other than 0", rope.rotary / 2);
            return Err(Error::new(Kind::Value, "tensor `rope_freqs.weight`", expected, factors.len()));
        }
        let table = || {
            let frequencies = rope_frequencies(rope.base, rope.rotary, &scaling);
            Tensor::from_data(TensorData::new(frequencies, [rope.rotary / 2]), self.device)
        };
        Ok(self.tables.entry(format!("{rope:?}")).or_insert_with(table).clone())
    }
}
