use std::fmt;

use super::Measurement;

/// The runs of one case, in rounds in which each candidate ran once, and the table over them.
///
/// Absolute numbers are medians over the rounds. A ratio is the median of the rounds' own ratios, so that what changes
/// on the machine from round to round does not enter it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    title: String,
    candidates: Vec<String>,
    rounds: Vec<Vec<Measurement>>,
}

impl Report {
    /// A table without rounds. Ratios are against the first candidate.
    pub fn new(title: impl Into<String>, candidates: Vec<String>) -> Self {
        Self { title: title.into(), candidates, rounds: Vec::new() }
    }

    /// Adds one measurement for each candidate, in the candidates' order.
    ///
    /// # Panics
    ///
    /// If their number differs from that of the candidates.
    pub fn add_round(&mut self, round: Vec<Measurement>) {
        assert_eq!(round.len(), self.candidates.len(), "a round has one measurement for each candidate");
        self.rounds.push(round);
    }

    fn median_of(&self, candidate: usize, value: impl Fn(&Measurement) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| value(&round[candidate])).collect())
    }

    /// Items per CPU-second against the first candidate, round by round.
    fn ratios(&self, candidate: usize) -> Vec<f64> {
        self.rounds
            .iter()
            .map(|round| round[candidate].items_per_cpu_second() / round[0].items_per_cpu_second())
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1_048_576.0;
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "{:<14} {:>11} {:>12} {:>11} {:>6} {:>15} {:>15} {:>9} {:>9} {:>10}  ratio (min to max)",
            "",
            "ns CPU/item",
            "items/CPU-s",
            "items/s",
            "core",
            "answer p50 p99",
            "arrival p50 p99",
            "idle MiB",
            "peak MiB",
            "bytes out"
        )?;
        for (index, name) in self.candidates.iter().enumerate() {
            let ratios = self.ratios(index);
            let (least, most) = ratios
                .iter()
                .fold((f64::INFINITY, 0.0_f64), |(least, most), &ratio| (least.min(ratio), most.max(ratio)));
            writeln!(
                f,
                "{name:<14} {:>11.0} {:>12.0} {:>11.0} {:>5.0}% {:>7.1} {:>7.1} {:>7.1} {:>7.1} {:>9.1} {:>9.1} {:>10.0}  {:.2} ({least:.2} to {most:.2})",
                self.median_of(index, |run| run.cpu_ns_per_item),
                self.median_of(index, Measurement::items_per_cpu_second),
                self.median_of(index, |run| run.items_per_second),
                self.median_of(index, |run| run.utilisation * 100.0),
                self.median_of(index, |run| run.latency_p50.as_secs_f64() * 1e3),
                self.median_of(index, |run| run.latency_p99.as_secs_f64() * 1e3),
                self.median_of(index, |run| run.arrival_p50.as_secs_f64() * 1e3),
                self.median_of(index, |run| run.arrival_p99.as_secs_f64() * 1e3),
                self.median_of(index, |run| run.idle_rss as f64 / MIB),
                self.median_of(index, |run| run.peak_rss as f64 / MIB),
                self.median_of(index, |run| run.sent_bytes_per_item),
                median(ratios),
            )?;
        }
        Ok(())
    }
}

/// The middle, or the mean of both middles; not a number of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cpu_ns_per_item: f64) -> Measurement {
        Measurement { cpu_ns_per_item, ..Measurement::default() }
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_pairs() {
        let mut report = Report::new("case", vec!["one".into(), "other".into()]);
        for (one, other) in [(100.0, 50.0), (1000.0, 250.0), (90.0, 30.0)] {
            report.add_round(vec![run(one), run(other)]);
        }
        assert!(report.to_string().lines().last().unwrap().ends_with("3.00 (2.00 to 4.00)"), "{report}");
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
