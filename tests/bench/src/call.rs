//! What does one call on an active session cost, beside others and beside nothing?
//!
//! Rounds are interleaved: each contender runs a lap, then each runs the next one. A ratio is the median of the rounds' ratios, so
//! what disturbs a round disturbs both of its sides.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass::Client;
use serde::Deserialize;

use crate::cores::{Side, pin};
use crate::lines::{BareHyper, Contender, Hallpass, Legacy, Reqwest};
use crate::race::{Lap, lap};
use crate::server::Server;
use crate::{instructions, memory};
use hallpass_bench::figure::{Failure, Figure, Target};

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Quick,
    Full,
}

/// One round at one number of connections: a lap of each contender, in the order of [`Contender::ALL`].
type Round = [Lap; 4];

/// Everything about one call.
pub(crate) fn measure(effort: Effort) -> Result<Vec<Figure>, Failure> {
    // Counted by processes of their own, before this one binds itself to a core.
    let mut figures = instruction_figures()?;
    let server = Server::start()?;
    pin(Side::Client);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::builder().build()?;
        let url = server.url();
        let hyper = BareHyper::new(url);
        let legacy = Legacy::new(url);
        let reqwest = Reqwest::new(url)?;
        let hallpass = Hallpass::sign_in(&client, url).await?;
        for tasks in [1, 32] {
            let mut rounds: Vec<Round> = Vec::new();
            for _ in 0..effort.rounds() {
                rounds.push([
                    lap(&hyper, tasks, LAP).await?,
                    lap(&legacy, tasks, LAP).await?,
                    lap(&reqwest, tasks, LAP).await?,
                    lap(&hallpass, tasks, LAP).await?,
                ]);
            }
            figures.extend(race_figures(tasks, &rounds));
        }
        figures.push(memory::session_lookup(&client)?);
        figures.extend(memory::seal_and_open()?);
        Ok::<(), Failure>(())
    })?;
    Ok(figures)
}

fn instruction_figures() -> Result<Vec<Figure>, Failure> {
    const OVER: &str = "call.hallpass_over_hyper_instructions";
    const UNIT: &str = "instructions";
    let target = Target::AtMost(target(OVER)?.at_most);
    let mut counts = Vec::new();
    for contender in Contender::ALL {
        match instructions::count(contender) {
            Ok(count) => counts.push(count),
            Err(failure) => {
                eprintln!("bench: {failure}");
                return Ok(vec![Figure::missing(OVER, UNIT, target)]);
            }
        }
    }
    let [hyper, legacy, reqwest, hallpass] = counts[..] else { return Err("a contender was not counted".into()) };
    Ok(vec![
        Figure::new(OVER, hallpass - hyper, UNIT, target),
        Figure::new("call.hyper_util_legacy_over_hyper_instructions", legacy - hyper, UNIT, Target::None),
        Figure::new("call.reqwest_over_hyper_instructions", reqwest - hyper, UNIT, Target::None),
    ])
}

fn race_figures(tasks: usize, rounds: &[Round]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (place, contender) in Contender::ALL.iter().enumerate() {
        let name = contender.name();
        let rate = median(rounds.iter().map(|round| round[place].rate()));
        let cpu = median(rounds.iter().map(|round| round[place].cpu()));
        figures.push(Figure::new(format!("call.{name}.rate.{tasks}"), rate, "calls/s", Target::None));
        figures.push(Figure::new(format!("call.{name}.cpu.{tasks}"), cpu, "µs/call", Target::None));
    }
    let rate_over =
        |other: usize| median(rounds.iter().map(|[laps @ .., hallpass]| hallpass.rate() / laps[other].rate()));
    let cpu_over = |other: usize| median(rounds.iter().map(|[laps @ .., hallpass]| hallpass.cpu() / laps[other].cpu()));
    let layer = median(rounds.iter().map(|[hyper, .., hallpass]| hallpass.cpu() - hyper.cpu()));
    let named = |what: &str| format!("call.{what}.{tasks}");
    figures.extend([
        Figure::new(named("rate_over_reqwest"), rate_over(2), "ratio", Target::AtLeast(1.0)),
        Figure::new(named("cpu_over_reqwest"), cpu_over(2), "ratio", Target::AtMost(1.0)),
        Figure::new(named("rate_over_legacy"), rate_over(1), "ratio", Target::None),
        Figure::new(named("cpu_over_legacy"), cpu_over(1), "ratio", Target::AtMost(1.0)),
        Figure::new(named("rate_over_hyper"), rate_over(0), "ratio", Target::None),
        Figure::new(named("layer_over_hyper"), layer, "µs/call", Target::AtMost(1.5)),
    ]);
    figures
}

/// A number of instructions that was recorded once, and what it was recorded from.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    at_most: f64,
    #[expect(dead_code, reason = "for readers of the file: what was measured when the target was set")]
    measured: f64,
    #[expect(dead_code, reason = "for readers of the file: the time that went with it")]
    microseconds: f64,
}

fn target(name: &str) -> Result<Recorded, Failure> {
    let recorded: BTreeMap<String, Recorded> = serde_json::from_str(include_str!("../targets.json"))?;
    recorded.get(name).copied().ok_or_else(|| format!("targets.json has no `{name}`").into())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
    }
}

impl Effort {
    const fn rounds(self) -> usize {
        match self {
            Self::Quick => 5,
            Self::Full => 15,
        }
    }
}

const LAP: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn the_target_of_every_gated_figure_is_recorded() {
        assert!(target("call.hallpass_over_hyper_instructions").expect("is recorded").at_most > 0.0);
    }
}
