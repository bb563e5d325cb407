//! E4: one call down the chain, watched at both ends: who was asked, who signed, what the caller got.

use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::Evidence;
use golive_lab::nonce::{self, Mark};
use golive_lab::{Arrival, Behaviour, Fault, ListenerState, Query, Rule};

use crate::clock;
use crate::control::{Controls, Negative};
use crate::line::{Got, Line};
use crate::part::PartDraft;
use crate::target::{Answer, Ask, Exchange, Words};

/// The world of this proof.
pub(super) struct Stage {
    pub(super) line: Line,
    /// After each case: how long it took until the first link answered again, or why it never did.
    pub(super) returns: Vec<(String, Result<Duration, String>)>,
    /// The first link did not come back: what follows cannot be watched.
    lost: bool,
    /// The first provider has a port of its own, which can refuse.
    pub(super) own_port: bool,
    /// A link further down could not be made to answer: its cases say so, and nobody waits for it again.
    stuck: bool,
}

/// One call that meets something on its way.
#[derive(Clone)]
pub(super) struct Case {
    /// In the report.
    pub(super) name: String,
    pub(super) key: String,
    /// What each provider does to it: by place in the chain.
    pub(super) faults: Vec<(usize, Fault)>,
    /// How each provider answers it.
    pub(super) behaviours: Vec<(usize, Behaviour)>,
    /// The first provider's port refuses meanwhile.
    pub(super) refused: bool,
    pub(super) ask: fn(Ask, &Line) -> Ask,
    /// The place of the link that must answer; none: the call fails.
    pub(super) answered_by: Option<usize>,
}

/// What both ends saw.
pub(super) struct Seen {
    pub(super) case: Case,
    pub(super) exchange: Exchange,
    pub(super) got: Got,
    /// At all providers, in order of arrival.
    pub(super) arrivals: Scored<Vec<Arrival>>,
}

impl Case {
    pub(super) fn new(name: impl Into<String>, answered_by: Option<usize>) -> Case {
        let name = name.into();
        Case {
            key: format!("case/{name}"),
            name,
            faults: Vec::new(),
            behaviours: Vec::new(),
            refused: false,
            ask: |ask, _| ask,
            answered_by,
        }
    }

    pub(super) fn fault(mut self, at: usize, fault: Fault) -> Case {
        self.faults.push((at, fault));
        self
    }

    pub(super) fn says(mut self, at: usize, behaviour: Behaviour) -> Case {
        self.behaviours.push((at, behaviour));
        self
    }

    pub(super) fn asked(self, ask: fn(Ask, &Line) -> Ask) -> Case {
        Case { ask, ..self }
    }
}

impl Stage {
    pub(super) async fn new(line: Line) -> Stage {
        let own_port = line.lab.health().await.is_ok_and(|health| {
            let first = health.providers.iter().find(|one| one.name == line.provider());
            first.is_some_and(|one| one.url.is_some())
        });
        Stage {
            line,
            returns: Vec::new(),
            lost: false,
            own_port,
            stuck: false,
        }
    }

    /// How records name the link at that place.
    pub(super) fn name(&self, at: usize) -> &str {
        let links = &self.line.ctx.config.dispatch.links;
        let names = if links.names.is_empty() {
            &links.providers
        } else {
            &links.names
        };
        names.get(at).map_or("?", String::as_str)
    }

    /// Lays the rules of all cases over the providers.
    pub(super) async fn teach(&self, cases: [&Vec<Case>; 3]) -> Result<(), UnscoredReason> {
        let healing: Vec<Case> = (1..self.line.providers.len()).map(healing).collect();
        for (at, provider) in self.line.providers.iter().enumerate() {
            let mut rules = Vec::new();
            for case in cases.into_iter().flatten().chain(&healing) {
                let fault = case
                    .faults
                    .iter()
                    .find(|(place, _)| *place == at)
                    .map(|(_, fault)| fault.clone());
                let behaviour = case
                    .behaviours
                    .iter()
                    .find(|(place, _)| *place == at)
                    .map(|(_, how)| how.clone());
                if fault.is_some() || behaviour.is_some() {
                    let template = self.line.rule(&case.key, Fault::status(500));
                    rules.push(Rule {
                        fault,
                        behaviour,
                        ..template
                    });
                }
            }
            self.line.teach_at(provider, &rules).await?;
        }
        Ok(())
    }

    /// The cases one after the other, and after each of them the first link again.
    pub(super) async fn watch_all(&mut self, cases: Vec<Case>) -> Vec<Seen> {
        let mut seen = Vec::new();
        for case in cases {
            if self.lost || self.line.ctx.cancel.is_cancelled() {
                break;
            }
            let name = case.name.clone();
            seen.push(self.watch(case).await);
            let back = self.back(&name).await;
            self.lost = back.is_err();
            self.returns.push((name, back));
        }
        seen
    }

    /// Lets each further link answer as often as closes a breaker, and the first again: theirs may be open, or near it. One
    /// that is only half open turns away whoever comes while its trial call is not quite over.
    pub(super) async fn heal_links(&mut self) {
        let breaker = self.line.ctx.config.dispatch.breaker;
        // The last first: to reach it the ones before it fail once more, and then answer in their turn.
        for at in (1..self.line.providers.len()).rev() {
            let started = clock::now();
            let mut good = 0;
            loop {
                let seen = self.watch(healing(at)).await;
                let well = signed(&seen.marks(&self.line), &self.line.providers[at]);
                let waited = clock::now().saturating_duration_since(started);
                if self.lost || self.line.ctx.cancel.is_cancelled() {
                    return;
                }
                let late = waited > breaker.open + breaker.open / 2 + Duration::from_secs(3);
                self.stuck |= late && !well;
                let after = format!("link {} was made to answer", at + 1);
                let back = self.back(&after).await;
                self.lost = back.is_err();
                self.returns.push((after, back));
                good = if well { good + 1 } else { 0 };
                if good >= breaker.successes || self.stuck {
                    break;
                }
                if well {
                    continue;
                }
                self.line
                    .ctx
                    .sleep((breaker.open / 10).clamp(Duration::from_millis(100), Duration::from_secs(2)))
                    .await;
            }
        }
    }

    async fn watch(&self, case: Case) -> Seen {
        let line = &self.line;
        if case.refused {
            self.port(ListenerState::Refuse).await;
        }
        let ask = (case.ask)(line.ask(&case.key), line);
        let declares = &line.ctx.config.declares;
        let patience = line.patience() + declares.first_byte * 3 + declares.idle;
        let call = line.ctx.target.call(&ask).deadline(patience);
        let exchange = line.ctx.target.send(call).await;
        if case.refused {
            self.port(ListenerState::Open).await;
        }
        let query = Query {
            contains: Some(line.marker(&case.key)),
            limit: 200,
            ..Query::default()
        };
        Seen {
            got: line.got(&exchange),
            arrivals: line.ctx.timeline(&query).await.map(|page| page.arrivals),
            case,
            exchange,
        }
    }

    async fn port(&self, state: ListenerState) {
        if let Err(error) = self.line.lab.set_listener(self.line.provider(), state).await {
            self.line
                .ctx
                .warn(format!("the lab's port could not be set ({error})"));
        }
    }

    /// Healthy calls until the first link answers again.
    async fn back(&self, after: &str) -> Result<Duration, String> {
        let line = &self.line;
        let breaker = line.ctx.config.dispatch.breaker;
        let patience = breaker.open + breaker.open / 2 + line.slack + Duration::from_secs(3);
        let started = clock::now();
        for n in 0.. {
            let key = format!("back/{after}/{n}");
            let exchange = line
                .ctx
                .send_patiently(line.call(&key).deadline(line.patience()))
                .await;
            let waited = clock::now().saturating_duration_since(started);
            match line.got(&exchange) {
                Got::Answer(marks) if signed(&marks, line.provider()) => {
                    return Ok(if n == 0 { Duration::ZERO } else { waited });
                }
                _ if line.ctx.cancel.is_cancelled() => break,
                got if waited > patience => {
                    return Err(format!(
                        "after {after} the first link is not used again within {} s: {}",
                        patience.as_secs(),
                        match got {
                            Got::Answer(marks) => format!(
                                "{} answers",
                                marks.first().map_or("another one", |mark| mark.provider.as_str())
                            ),
                            _ => exchange.in_short(),
                        }
                    ));
                }
                _ => {
                    line.ctx
                        .sleep((breaker.open / 10).clamp(Duration::from_millis(100), Duration::from_secs(2)))
                        .await;
                }
            }
        }
        Err("the run was interrupted".to_owned())
    }

    /// The draft of a part, and the controls of all of them.
    pub(super) fn part(&self, id: &'static str) -> PartDraft {
        let links = &self.line.ctx.config.dispatch.links;
        self.line
            .ctx
            .part(id)
            .declared("providers", links.providers.clone())
            .scaled(self.line.ctx.config.scaled)
    }

    pub(super) fn controls(&self, seen: &[Seen]) -> Controls {
        let meant: Vec<&Seen> = seen.iter().filter(|one| !one.case.faults.is_empty()).collect();
        let done = meant.iter().filter(|one| one.failed_first()).count();
        Controls::new()
            .positive(self.line.control.clone())
            .negative(Negative::new(
                "the providers were asked and really failed",
                Scored::Scored(done == meant.len() && !meant.is_empty()),
                format!("{done} of {}", meant.len()),
            ))
    }
}

impl Seen {
    /// The arrivals, or why nobody knows.
    pub(super) fn arrivals(&self) -> Result<&[Arrival], UnscoredReason> {
        if let Got::Nothing(reason @ (UnscoredReason::Interrupted | UnscoredReason::OverBudget)) = &self.got {
            return Err(reason.clone());
        }
        match &self.arrivals {
            Scored::Unscored(reason) => Err(reason.clone()),
            Scored::Scored(_) if !self.failed_first() => Err(UnscoredReason::Unexpected(format!(
                "{}: the first provider was not asked, or did not fail ({})",
                self.case.name,
                self.exchange.in_short()
            ))),
            Scored::Scored(all) => Ok(all),
        }
    }

    fn failed_first(&self) -> bool {
        let failed = |all: &Vec<Arrival>| all.iter().any(|at| at.fault.is_some());
        self.case.refused
            || self.case.faults.is_empty()
            || matches!(&self.arrivals, Scored::Scored(all) if failed(all))
    }

    /// The providers that were asked, each once, in the order of their first arrival.
    pub(super) fn asked(&self) -> Vec<&str> {
        let mut asked: Vec<&str> = Vec::new();
        if let Scored::Scored(all) = &self.arrivals {
            for at in all {
                if !asked.contains(&at.provider.as_str()) {
                    asked.push(&at.provider);
                }
            }
        }
        asked
    }

    /// The arrival that the answer's mark belongs to, at that provider.
    pub(super) fn answered(&self, provider: &str) -> Option<&Arrival> {
        match &self.arrivals {
            Scored::Scored(all) => all
                .iter()
                .rev()
                .find(|at| at.provider == provider && at.fault.is_none()),
            Scored::Unscored(_) => None,
        }
    }

    /// What had come, whole or not.
    pub(super) fn answer(&self) -> Option<&Answer> {
        match (&self.exchange.outcome, &self.exchange.partial) {
            (Scored::Scored(answer), _) => Some(answer),
            (Scored::Unscored(_), part) => part.as_ref(),
        }
    }

    /// The marks in it.
    pub(super) fn marks(&self, line: &Line) -> Vec<Mark> {
        self.answer()
            .map(|answer| nonce::find_all(&Words::of(answer, &line.ctx.config).text))
            .unwrap_or_default()
    }

    /// Who was asked, who signed, in a line.
    pub(super) fn in_short(&self, line: &Line) -> String {
        let signed: Vec<String> = self.marks(line).into_iter().map(|mark| mark.provider).collect();
        format!(
            "{:<48} asked {}, signed by {}, {}",
            self.case.name,
            self.asked().join(" → "),
            if signed.is_empty() {
                "nobody".to_owned()
            } else {
                signed.join(" and ")
            },
            self.exchange.in_short()
        )
    }

    pub(super) fn evidence(&self) -> Evidence {
        self.exchange.evidence(self.case.name.clone())
    }
}

/// A call that the link at that place answers.
fn healing(at: usize) -> Case {
    let case = Case::new(format!("link {} is well", at + 1), Some(at));
    (0..at).fold(case, |case, before| case.fault(before, Fault::status(503)))
}

/// Exactly one mark, of that provider.
pub(super) fn signed(marks: &[Mark], provider: &str) -> bool {
    matches!(marks, [one] if one.provider == provider)
}
