//! [`LowRank`] on the CPU device.

use crate::lora::LowRank;
use crate::parallel::{numbers, owned};
use crate::product_cpu::{Factor, add_product, product};
use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;

type Numbers = FloatTensor<Flex>;

impl LowRank for Flex {
    fn down(x: Numbers, a: Numbers, scale: f32) -> Numbers {
        multiplied([x, a], |x, a| (x, a.transposed()), scale)
    }

    fn up(u: Numbers, b: Numbers, y: Numbers) -> Numbers {
        let ([u, b], mut z) = ([u, b].map(|tensor| tensor.to_contiguous()), owned(y));
        add_product(z.storage_mut::<f32>(), factor(&u), factor(&b).transposed());
        z
    }

    fn backward_up(grad: Numbers, b: Numbers, scale: f32) -> Numbers {
        multiplied([grad, b], |grad, b| (grad, b), scale)
    }

    fn backward_b(grad: Numbers, u: Numbers) -> Numbers {
        multiplied([grad, u], |grad, u| (grad.transposed(), u), 1.0)
    }

    fn backward_a(g: Numbers, x: Numbers) -> Numbers {
        multiplied([g, x], |g, x| (g.transposed(), x), 1.0)
    }

    fn backward_x(g: Numbers, a: Numbers) -> Numbers {
        multiplied([g, a], |g, a| (g, a), 1.0)
    }
}

/// The product of two matrices in the form that `as_factors` gives them.
fn multiplied(
    matrices: [Numbers; 2],
    as_factors: impl for<'a> FnOnce(Factor<'a>, Factor<'a>) -> (Factor<'a>, Factor<'a>),
    scale: f32,
) -> Numbers {
    let [a, b] = matrices.map(|matrix| matrix.to_contiguous());
    let (a, b) = as_factors(factor(&a), factor(&b));
    let sizes = [a.sizes()[0], b.sizes()[1]];
    FloatTensor::<Flex>::from_data(TensorData::new(product(a, b, scale), sizes))
}

fn factor(matrix: &Numbers) -> Factor<'_> {
    Factor::rows(numbers(matrix), matrix.shape()[1])
}
