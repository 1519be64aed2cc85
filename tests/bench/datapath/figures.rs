//! Figures: least, median and most of some samples, beside a peer's and a goal.

/// Samples of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn add(&mut self, sample: f64) {
        self.0.push(sample);
        self.0.sort_by(f64::total_cmp);
    }

    pub(crate) fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut figures = Self(samples.into_iter().collect());
        figures.0.sort_by(f64::total_cmp);
        figures
    }

    /// The value that such a share of the samples is below.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        self.0.get((last * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// A row of a table.
    pub(crate) fn row(&self, name: &str, unit: &str) {
        let values = [self.quantile(0.0), self.median(), self.quantile(1.0)].map(|value| format!("{:>10}", number(value)));
        println!("  {name:<34}{} {unit}", values.join(""));
    }
}

/// The head of a table.
pub(crate) fn head(title: &str) {
    println!("\n{title}\n  {:<34}{:>10}{:>10}{:>10}", "", "min", "median", "max");
}

/// With as many digits as it deserves.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        10_000.0.. => format!("{:.1}k", value / 1000.0),
        1000.0.. => format!("{:.2}k", value / 1000.0),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A goal, and whether it is met.
pub(crate) fn at_least(what: &str, value: f64, goal: f64, unit: &str) {
    judge(what, value, "at least", goal, unit, value >= goal);
}

/// A goal, and whether it is met.
pub(crate) fn at_most(what: &str, value: f64, goal: f64, unit: &str) {
    judge(what, value, "at most", goal, unit, value <= goal);
}

fn judge(what: &str, value: f64, word: &str, goal: f64, unit: &str, met: bool) {
    let verdict = if met { "met" } else { "missed" };
    println!("  {what:<64}{:>8} {unit}, goal {word} {}: {verdict}", number(value), number(goal));
}

/// Says what is being done, to whoever waits.
pub(crate) fn progress(what: &str) {
    eprintln!("… {what}");
}
