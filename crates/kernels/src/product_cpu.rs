//! Matrix products on the CPU device by the `gemm` crate, on all cores, into memory that nobody cleared before: burn's
//! own clear their result first, on one core, and give small products to one core.

use crate::parallel::for_each;
use std::mem::MaybeUninit;
use std::slice;

/// From so many multiplications on, `gemm` itself shares a product among the cores well.
const LARGE: usize = 1 << 24;
/// Smaller ones are shared by rows, so many multiplications to a core at least.
const SHARE: usize = 1 << 18;
/// Products that are summed before they join what was summed already: short sums round less than one long sum, and what they
/// read stays in the cache.
const DEPTH: usize = 64;

/// One side of a product.
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a> {
    numbers: &'a [f32],
    sizes: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Factor<'a> {
    /// Rows of `cols` numbers, one behind the other.
    pub(crate) fn rows(numbers: &'a [f32], cols: usize) -> Self {
        Self { numbers, sizes: [numbers.len() / cols.max(1), cols], strides: [cols, 1] }
    }

    pub(crate) fn transposed(self) -> Self {
        let ([rows, cols], [down, across]) = (self.sizes, self.strides);
        Self { sizes: [cols, rows], strides: [across, down], ..self }
    }

    pub(crate) fn sizes(&self) -> [usize; 2] {
        self.sizes
    }

    /// `len` rows from `start` on.
    fn some_rows(self, start: usize, len: usize) -> Self {
        let numbers = self.numbers.get(start * self.strides[0]..).unwrap_or_default();
        Self { numbers, sizes: [len, self.sizes[1]], ..self }
    }

    /// `len` columns from `start` on.
    pub(crate) fn some_columns(self, start: usize, len: usize) -> Self {
        self.transposed().some_rows(start, len).transposed()
    }

    /// Whether all that the sizes and strides speak of is there.
    fn is_whole(&self) -> bool {
        let last: usize = self.sizes.iter().zip(self.strides).map(|(size, stride)| (size - 1) * stride).sum();
        last < self.numbers.len()
    }
}

/// `scale · a·b`
pub(crate) fn product(a: Factor, b: Factor, scale: f32) -> Vec<f32> {
    beside(a, b.sizes[1], scale, |write| write(0, b))
}

/// `scale · [a·b₀, a·b₁, …]`, `columns` together: `write` takes each b and its first column.
pub(crate) fn beside(
    a: Factor,
    columns: usize,
    scale: f32,
    fill: impl FnOnce(&mut dyn FnMut(usize, Factor)),
) -> Vec<f32> {
    let len = a.sizes[0] * columns;
    let (mut numbers, mut written) = (Vec::with_capacity(len), 0);
    let place: &mut [MaybeUninit<f32>] = &mut numbers.spare_capacity_mut()[..len];
    fill(&mut |column, b| {
        assert_eq!(column, written, "the columns follow each other");
        multiply(&mut place[column..], columns, a, b, scale, false);
        written += b.sizes[1];
    });
    assert_eq!(written, columns, "every column is written");
    #[allow(unsafe_code, reason = "`multiply` wrote every row of every column")]
    unsafe {
        numbers.set_len(len);
    }
    numbers
}

/// Adds `a·b` to `sum`.
pub(crate) fn add_product(sum: &mut [f32], a: Factor, b: Factor) {
    #[allow(unsafe_code, reason = "only numbers are written through it, so that numbers stay numbers")]
    let place = unsafe { slice::from_raw_parts_mut(sum.as_mut_ptr().cast(), sum.len()) };
    multiply(place, b.sizes[1], a, b, 1.0, true);
}

/// Writes `scale · a·b`, or adds it to what is there, to rows that begin `stride` numbers apart.
fn multiply(to: &mut [MaybeUninit<f32>], stride: usize, a: Factor, b: Factor, scale: f32, add: bool) {
    let ([m, k], n) = (a.sizes, b.sizes[1]);
    let work = m * n * k;
    if m == 0 || n == 0 {
        return;
    }
    if !(2 * SHARE..LARGE).contains(&work) {
        return on(to, stride, a, b, scale, add, work >= LARGE);
    }
    let rows = (SHARE / (n * k)).max(1);
    let parts = to.chunks_mut(rows * stride).enumerate().map(|(part, to)| (part * rows, to));
    for_each(parts.filter(|(start, _)| *start < m).collect(), |(start, to)| {
        on(to, stride, a.some_rows(start, rows.min(m - start)), b, scale, add, false);
    });
}

/// [`multiply`] by all cores together, or by this one alone.
fn on(to: &mut [MaybeUninit<f32>], stride: usize, a: Factor, b: Factor, scale: f32, add: bool, all: bool) {
    let ([m, k], n) = (a.sizes, b.sizes[1]);
    assert!(m > 0 && n > 0 && k > 0 && k == b.sizes[0], "{m} × {k} times {} × {n}", b.sizes[0]);
    assert!(n <= stride && (m - 1) * stride + n <= to.len(), "room for {m} × {n}");
    assert!(a.is_whole() && b.is_whole(), "factors as large as they say");
    let [a_down, a_across, b_down, b_across, stride] =
        [a.strides[0], a.strides[1], b.strides[0], b.strides[1], stride].map(usize::cast_signed);
    let parallelism = if all { everywhere() } else { gemm::Parallelism::None };
    let [a, b] = [a, b].map(|factor| factor.numbers.as_ptr());
    let to = to.as_mut_ptr().cast::<f32>();
    for from in (0..k).step_by(DEPTH) {
        let deep = from.cast_signed();
        #[allow(unsafe_code, reason = "all that is read and written lies in the slices, as asserted above")]
        unsafe {
            gemm::gemm(
                m,
                n,
                DEPTH.min(k - from),
                to,
                1,
                stride,
                add || from > 0,
                a.offset(deep * a_across),
                a_across,
                a_down,
                b.offset(deep * b_down),
                b_across,
                b_down,
                1.0,
                scale,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn everywhere() -> gemm::Parallelism {
    gemm::Parallelism::Rayon(0)
}

#[cfg(target_family = "wasm")]
fn everywhere() -> gemm::Parallelism {
    gemm::Parallelism::None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|at| ((at * 7 + seed) % 11) as f32 - 5.0).collect()
    }

    /// Whole numbers, so that no order of summing rounds.
    fn plain(a: Factor, b: Factor) -> Vec<f32> {
        let at = |factor: Factor, row, col| factor.numbers[row * factor.strides[0] + col * factor.strides[1]];
        let entry = |row, col| (0..a.sizes[1]).map(|k| at(a, row, k) * at(b, k, col)).sum();
        (0..a.sizes[0])
            .flat_map(|row| (0..b.sizes[1]).map(move |col| (row, col)))
            .map(|(r, c)| entry(r, c))
            .collect()
    }

    #[test]
    fn products_are_their_sums_at_every_size() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (70, 8, 600), (513, 40, 33), (300, 301, 203)] {
            let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
            for (a, b) in [
                (Factor::rows(&a, k), Factor::rows(&b, k).transposed()),
                (Factor::rows(&a, m).transposed(), Factor::rows(&b, n)),
            ] {
                let sums = plain(a, b);
                assert_eq!(product(a, b, 1.0), sums, "{m} × {k} × {n}");
                let mut twice = sums.clone();
                add_product(&mut twice, a, b);
                let doubled: Vec<f32> = sums.iter().map(|sum| 2.0 * sum).collect();
                assert_eq!(twice, doubled, "{m} × {k} × {n}, added");
            }
        }
    }

    #[test]
    fn products_lie_beside_each_other() {
        let (a, b) = (numbers(6 * 4, 1), numbers(9 * 4, 2));
        let (a, b) = (Factor::rows(&a, 4), Factor::rows(&b, 4).transposed());
        let halves = beside(a, 9, 1.0, |write| {
            write(0, b.some_columns(0, 5));
            write(5, b.some_columns(5, 4));
        });
        assert_eq!(halves, plain(a, b));
    }

    #[test]
    #[should_panic(expected = "every column is written")]
    fn what_is_not_written_is_not_read() {
        let a = numbers(6 * 4, 1);
        let a = Factor::rows(&a, 4);
        beside(a, 9, 1.0, |write| write(0, a.transposed()));
    }
}
