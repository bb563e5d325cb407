//! S2: the limits of one configuration, and which of them a call meets.

use std::collections::HashMap;
use std::time::Duration;

use golive_checklist::unit::Rate;
use golive_config::{Callee, CalleeKind, Config};
use golive_resilience::window::Policy;

use super::{Item, Key, Rule, Scope, Unit, name_hash};

/// Everybody's one window has no owner to hash.
const EVERYBODY: u128 = 0;

/// All limits but those of single agents and models, which stand with their route.
#[derive(Debug, Default)]
pub struct Rules {
    requests: PerScope,
    tokens: PerScope,
    teams: HashMap<String, TeamRules>,
    callees_limit_requests: bool,
    counts_tokens: bool,
    /// Output tokens reserved where a request names no maximum.
    pub output: u64,
    /// Bytes of text reserved as one input token.
    pub input_bytes: u64,
    longest: Duration,
}

#[derive(Debug, Default)]
struct PerScope {
    user: Vec<Policy>,
    principal: Vec<Policy>,
    team: Vec<Policy>,
    global: Vec<Policy>,
}

#[derive(Debug, Default)]
struct TeamRules {
    requests: Option<Vec<Policy>>,
    tokens: Option<Vec<Policy>>,
}

/// The limits of one agent or model.
#[derive(Debug)]
pub struct CalleeRules {
    whose: u128,
    kind: CalleeKind,
    requests: Vec<Policy>,
    tokens: Vec<Policy>,
}

/// Whose windows a call counts in.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The user, or the principal itself where none is asserted; `None` while it is not known.
    pub user: Option<u128>,
    /// The principal.
    pub principal: u128,
    /// The principal's team.
    pub team: Option<&'a str>,
    /// What it calls, once known.
    pub callee: Option<&'a CalleeRules>,
}

impl CalleeRules {
    /// The limits of `callee`.
    #[must_use]
    pub fn of(callee: &Callee) -> Self {
        Self {
            whose: name_hash(&callee.id()),
            kind: callee.kind,
            requests: policies(&callee.limits.requests),
            tokens: policies(&callee.limits.tokens),
        }
    }
}

impl Rules {
    /// The limits of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let limits = &config.limits;
        let requests = PerScope {
            user: policies(&limits.user),
            principal: policies(&limits.principal),
            team: policies(&limits.team),
            global: policies(&limits.global),
        };
        let tokens = PerScope {
            user: policies(&limits.tokens.user),
            principal: policies(&limits.tokens.principal),
            team: policies(&limits.tokens.team),
            global: policies(&limits.tokens.global),
        };
        let teams: HashMap<String, TeamRules> = limits
            .teams
            .iter()
            .map(|(name, own)| {
                let rules = TeamRules {
                    requests: own.requests.as_deref().map(policies),
                    tokens: own.tokens.as_deref().map(policies),
                };
                (name.clone(), rules)
            })
            .collect();
        let own = || config.callees().map(|callee| &callee.limits);
        let of_teams = |of: fn(&TeamRules) -> &Option<Vec<Policy>>| {
            teams.values().filter_map(move |team| of(team).as_ref()).flatten()
        };
        let counts_tokens = tokens.all().next().is_some()
            || of_teams(|team| &team.tokens).next().is_some()
            || own().any(|own| !own.tokens.is_empty());
        let of_callees = own().flat_map(|own| own.requests.iter().chain(&own.tokens));
        let longest = requests
            .all()
            .chain(tokens.all())
            .chain(of_teams(|team| &team.requests))
            .chain(of_teams(|team| &team.tokens))
            .map(|policy| policy.period)
            .chain(of_callees.map(|rate| rate.period))
            .max()
            .unwrap_or_default();
        Self {
            callees_limit_requests: own().any(|own| !own.requests.is_empty()),
            counts_tokens,
            output: u64::from(limits.tokens.output),
            input_bytes: u64::from(limits.tokens.input_bytes.max(1)),
            longest,
            requests,
            tokens,
            teams,
        }
    }

    /// Some agent or model limits its requests: a call cannot be counted before it is known which it is for.
    #[must_use]
    pub fn callees_limit_requests(&self) -> bool {
        self.callees_limit_requests
    }

    /// Some limit counts tokens.
    #[must_use]
    pub fn counts_tokens(&self) -> bool {
        self.counts_tokens
    }

    /// How far back a window looks.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The windows of `unit` that a call of `who` counts in, each at `cost`.
    #[must_use]
    pub fn items(&self, unit: Unit, who: &Who<'_>, cost: u32) -> Vec<Item> {
        let of = match unit {
            Unit::Requests => &self.requests,
            Unit::Tokens => &self.tokens,
        };
        let mut items = Vec::with_capacity(8);
        let mut add = |scope, whose: u128, policies: &[Policy]| {
            for policy in policies {
                let rule = Rule {
                    scope,
                    unit,
                    policy: *policy,
                    one_of_several: policies.len() > 1,
                };
                items.push(Item {
                    key: Key::of(&rule, whose),
                    rule,
                    cost,
                });
            }
        };
        if let Some(user) = who.user {
            add(Scope::User, user, &of.user);
        }
        add(Scope::Principal, who.principal, &of.principal);
        if let Some(team) = who.team {
            let policies = self.of_team(unit, team).unwrap_or(&of.team);
            if !policies.is_empty() {
                add(Scope::Team, name_hash(team), policies);
            }
        }
        if let Some(callee) = who.callee {
            let policies = match unit {
                Unit::Requests => &callee.requests,
                Unit::Tokens => &callee.tokens,
            };
            add(Scope::Callee(callee.kind), callee.whose, policies);
        }
        add(Scope::Global, EVERYBODY, &of.global);
        items
    }

    /// Every window that a configuration makes, as (whose, unit, period).
    pub(super) fn windows(config: &Config) -> std::collections::HashSet<(String, Unit, Duration)> {
        let limits = &config.limits;
        let (tokens, requests) = (Unit::Tokens, Unit::Requests);
        let mut named: Vec<(String, Unit, &[Rate])> = vec![
            ("user".to_owned(), requests, &limits.user),
            ("principal".to_owned(), requests, &limits.principal),
            ("team".to_owned(), requests, &limits.team),
            ("global".to_owned(), requests, &limits.global),
            ("user".to_owned(), tokens, &limits.tokens.user),
            ("principal".to_owned(), tokens, &limits.tokens.principal),
            ("team".to_owned(), tokens, &limits.tokens.team),
            ("global".to_owned(), tokens, &limits.tokens.global),
        ];
        for (name, own) in &limits.teams {
            let name = format!("team/{name}");
            named.push((
                name.clone(),
                requests,
                own.requests.as_deref().unwrap_or_default(),
            ));
            named.push((name, tokens, own.tokens.as_deref().unwrap_or_default()));
        }
        for callee in config.callees() {
            named.push((callee.id(), requests, &callee.limits.requests));
            named.push((callee.id(), tokens, &callee.limits.tokens));
        }
        let each = |(whose, unit, rates): (String, Unit, &[Rate])| {
            let periods: Vec<Duration> = rates.iter().map(|rate| rate.period).collect();
            periods
                .into_iter()
                .map(move |period| (whose.clone(), unit, period))
        };
        named.into_iter().flat_map(each).collect()
    }

    fn of_team(&self, unit: Unit, team: &str) -> Option<&Vec<Policy>> {
        let own = self.teams.get(team)?;
        match unit {
            Unit::Requests => own.requests.as_ref(),
            Unit::Tokens => own.tokens.as_ref(),
        }
    }
}

impl PerScope {
    fn all(&self) -> impl Iterator<Item = &Policy> {
        [&self.user, &self.principal, &self.team, &self.global]
            .into_iter()
            .flatten()
    }
}

fn policies(rates: &[Rate]) -> Vec<Policy> {
    let policy = |rate: &Rate| Policy {
        count: rate.count.get(),
        period: rate.period,
    };
    rates.iter().map(policy).collect()
}
