//! What a class's runs cost lately: sums that fade with each measured run, so
//! that about the last hundred count, however fast they come.

use super::{
    rules::Rules,
    snapshot::{Label, Sums},
};

/// The fading costs of a class, and the label that they give it.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassCost {
    cpu: f64,
    blocked: f64,
    delay: f64,
    /// How many runs the sums stand for.
    weight: f64,
    samples: u64,
    label: Label,
    /// Another label, and how many looks in a row agreed on it.
    rival: (Label, u32),
}

impl ClassCost {
    /// Takes in what was measured since the last look.
    pub(super) fn add(&mut self, rules: &Rules, new: &Sums) {
        if new.samples == 0 {
            return;
        }
        let keep = (-to_f64(new.samples) / rules.cost_samples).exp();
        self.cpu = self.cpu * keep + to_f64(new.cpu_ns);
        self.blocked = self.blocked * keep + to_f64(new.blocked_ns);
        self.delay = self.delay * keep + to_f64(new.delay_ns);
        self.weight = self.weight * keep + to_f64(new.samples);
        self.samples = self.samples.saturating_add(new.samples);
        self.relabel(rules);
    }

    pub(super) fn label(&self) -> Label {
        self.label
    }

    /// Processor time of a run, on average; `NaN` before the first.
    pub(super) fn mean_cpu_ns(&self) -> f64 {
        self.cpu / self.weight
    }

    /// The part of its time that it waits for a processor, where that is much.
    pub(super) fn short_of_processors(&self, rules: &Rules) -> Option<f64> {
        let share = self.delay / (self.cpu + self.blocked + self.delay);
        // `NaN`, where nothing was measured, is not above.
        (share > rules.delay_share_max).then_some(share)
    }

    fn relabel(&mut self, rules: &Rules) {
        let whole = self.cpu + self.blocked;
        if self.samples < rules.label_samples_min || whole <= 0.0 {
            return;
        }
        let fits = fitting(rules, self.label, self.cpu / whole);
        if fits == self.label {
            self.rival = (fits, 0);
            return;
        }
        let agreed = if self.rival.0 == fits {
            self.rival.1 + 1
        } else {
            1
        };
        self.rival = (fits, agreed);
        if agreed >= rules.label_looks || self.label == Label::Unknown {
            self.label = fits;
            self.rival = (fits, 0);
        }
    }
}

/// The label of a share of processor time; the present one is given up only
/// beyond its margin.
fn fitting(rules: &Rules, present: Label, share: f64) -> Label {
    let keeps = |label| {
        if present == label {
            rules.label_margin
        } else {
            0.0
        }
    };
    if share >= rules.cpu_share_min - keeps(Label::Cpu) {
        Label::Cpu
    } else if share <= rules.io_share_max + keeps(Label::Io) {
        Label::Io
    } else {
        Label::Mixed
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shares and means, where a part in 2^52 is nothing"
)]
pub(super) fn to_f64(number: u64) -> f64 {
    number as f64
}
