//! What a chart draws: numbers to places on a canvas that is 100 units wide and high, whatever its size on the page.

/// The canvas.
pub(crate) const SIDE: f64 = 100.0;
/// Columns that a line is drawn in at most; more would lie on one another.
const COLUMNS: usize = 300;

/// A measured value: the step and what it was.
pub(crate) type Point = (f64, f64);

/// A place on an axis with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) value: f64,
}

/// Both axes, over everything that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axes {
    x: [f64; 2],
    y: [f64; 2],
    pub(crate) x_ticks: Vec<Tick>,
    pub(crate) y_ticks: Vec<Tick>,
}

impl Axes {
    /// Axes that hold all `lines` and, on the x axis, as many `steps`. `None` without a point.
    pub(crate) fn over(lines: &[&[Point]], steps: f64) -> Option<Self> {
        let points = || lines.iter().copied().flatten().filter(|(x, y)| x.is_finite() && y.is_finite());
        let (least, most) = range(points().map(|(_, y)| *y))?;
        let (first, measured) = range(points().map(|(x, _)| *x))?;
        let x = [first.min(0.0), measured.max(steps).max(first + 1.0)];
        let y = widened(least, most);
        let mut axes = Self { x, y, x_ticks: Vec::new(), y_ticks: Vec::new() };
        let places = |[least, most]: [f64; 2], count| {
            let step = nice_step((most - least) / count);
            let from = (least / step).ceil() as i64;
            (from..).map(move |n| n as f64 * step).take_while(move |value| *value <= most + step * 1e-9)
        };
        axes.y_ticks = places(y, 4.0).map(|value| Tick { at: axes.y_at(value), value }).collect();
        let whole = places(x, 5.0).filter(|value| value.fract() == 0.0);
        axes.x_ticks = whole.map(|value| Tick { at: axes.x_at(value), value }).collect();
        Some(axes)
    }

    /// Where a step is, from the left.
    pub(crate) fn x_at(&self, x: f64) -> f64 {
        (x - self.x[0]) / (self.x[1] - self.x[0]) * SIDE
    }

    /// Where a value is, from above.
    pub(crate) fn y_at(&self, y: f64) -> f64 {
        SIDE - (y - self.y[0]) / (self.y[1] - self.y[0]) * SIDE
    }

    /// `points` as the `points` of a polyline. Columns that hold many show their lowest and highest.
    pub(crate) fn polyline(&self, points: &[Point]) -> String {
        let place = |(x, y): &Point| format!("{:.2},{:.2}", self.x_at(*x), self.y_at(*y));
        let finite: Vec<Point> =
            points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        let per_column = finite.len().div_ceil(COLUMNS).max(1);
        let drawn = finite.chunks(per_column).flat_map(extremes);
        drawn.map(|point| place(&point)).collect::<Vec<_>>().join(" ")
    }
}

/// The lowest and the highest of neighbouring points in their order; one point stays one.
fn extremes(points: &[Point]) -> Vec<Point> {
    let by_value = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
    let ends = points.iter().min_by(by_value).zip(points.iter().max_by(by_value));
    let mut both: Vec<Point> = ends.into_iter().flat_map(|(low, high)| [*low, *high]).collect();
    both.sort_by(|a, b| a.0.total_cmp(&b.0));
    both.dedup();
    both
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (least, most) = range.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    })
}

/// Some room around the values; a constant gets as much as it is large. Nothing here is below zero unless measured so.
fn widened(least: f64, most: f64) -> [f64; 2] {
    let room = if most > least { (most - least) * 0.06 } else { most.abs().max(1e-12) * 0.5 };
    let floor = if least >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    [(least - room).max(floor), most + room]
}

/// The next 1, 2 or 5 times a power of ten.
fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// At most `most` of the `count` rows of a table: every how many-th, the last one always among them.
pub(crate) fn rows_shown(count: usize, most: usize) -> (usize, Vec<usize>) {
    let every = count.div_ceil(most).max(1);
    let mut rows: Vec<usize> = (0..count).rev().step_by(every).collect();
    rows.reverse();
    (every, rows)
}

/// An exponential moving average that counts its first values fully: ŷₙ = (β·sₙ₋₁ + (1−β)·yₙ) / (1 − βⁿ).
pub(crate) fn smoothed(points: &[Point], beta: f64) -> Vec<Point> {
    let mut mean = 0.0;
    let mut weight = 1.0;
    let step = |(x, y): &Point| {
        mean = beta * mean + (1.0 - beta) * y;
        weight *= beta;
        (*x, mean / (1.0 - weight))
    };
    points.iter().map(step).collect()
}

/// A number as an axis says it: at most three digits, small and large ones with their exponent.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    let digits = (2.0 - size.log10().floor()).clamp(0.0, 5.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_starts_at_the_first_value_and_follows() {
        let steady = smoothed(&[(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)], 0.9);
        assert!(steady.iter().all(|(_, y)| (y - 5.0).abs() < 1e-12), "{steady:?}");
        let two = smoothed(&[(1.0, 4.0), (2.0, 2.0)], 0.5);
        // (0.5·2 + 0.5·2) / 0.75 = 2.666…
        assert!((two[1].1 - 8.0 / 3.0).abs() < 1e-12, "{two:?}");
    }

    #[test]
    fn axes_hold_every_point_and_the_steps_to_come() {
        let line = [(1.0, 2.0), (2.0, 1.0)];
        let axes = Axes::over(&[&line], 10.0).unwrap();
        assert_eq!((axes.x_at(0.0), axes.x_at(10.0)), (0.0, SIDE));
        assert!(axes.y_at(2.0) < axes.y_at(1.0), "more is higher");
        assert!(axes.y_at(2.0) > 0.0 && axes.y_at(1.0) < SIDE);
        assert!(axes.x_ticks.iter().all(|tick| tick.value.fract() == 0.0), "steps are whole");
        assert!(axes.y_ticks.len() >= 3, "{:?}", axes.y_ticks);
    }

    #[test]
    fn a_single_point_a_constant_and_nothing_have_axes_or_none() {
        assert_eq!(Axes::over(&[&[]], 10.0), None);
        assert_eq!(Axes::over(&[&[(1.0, f64::NAN)]], 10.0), None);
        let axes = Axes::over(&[&[(1.0, 0.001)]], 1.0).unwrap();
        assert!(axes.y_at(0.001).is_finite() && axes.x_at(1.0).is_finite());
        assert!(!axes.y_ticks.is_empty());
        let zero = Axes::over(&[&[(1.0, 0.0), (2.0, 0.0)]], 2.0).unwrap();
        assert!(zero.y_at(0.0).is_finite());
    }

    #[test]
    fn a_long_line_keeps_its_peaks_in_few_points() {
        let points: Vec<Point> =
            (0..10_000).map(|n| (f64::from(n), if n == 5_001 { 9.0 } else { 1.0 })).collect();
        let axes = Axes::over(&[&points], 10_000.0).unwrap();
        let drawn = axes.polyline(&points);
        assert!(drawn.split(' ').count() <= 2 * COLUMNS);
        let peak = format!("{:.2},{:.2}", axes.x_at(5_001.0), axes.y_at(9.0));
        assert!(drawn.contains(&peak), "the peak is lost");
    }

    #[test]
    fn a_table_is_short_and_ends_with_the_last_row() {
        assert_eq!(rows_shown(0, 5), (1, vec![]));
        assert_eq!(rows_shown(3, 5), (1, vec![0, 1, 2]));
        assert_eq!(rows_shown(10, 5), (2, vec![1, 3, 5, 7, 9]));
        assert_eq!(rows_shown(11, 5), (3, vec![1, 4, 7, 10]));
    }

    #[test]
    fn steps_between_ticks_are_round() {
        for (rough, nice) in [(0.7, 1.0), (1.2, 2.0), (30.0, 50.0), (0.06, 0.1), (2.0, 2.0)] {
            assert!((nice_step(rough) - nice).abs() < nice * 1e-9, "{rough}");
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (2.5, "2.5"),
            (0.0123, "0.0123"),
            (1234.0, "1234"),
            (0.0001, "1e-4"),
            (0.00025, "2.5e-4"),
            (300_000.0, "3e5"),
            (-1.5, "-1.5"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
