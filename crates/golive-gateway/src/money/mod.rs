//! P6: what calls cost and what may be spent: prices of links, budgets, and what a caller over one is told.
//!
//! Every call is priced when it ends, by the link that answered it, whether there are budgets or not. Where budgets
//! apply, the most it can cost is reserved before it is sent on.
//!
//! Never: counts a cost that is not known as 0; holds an identity in clear.

pub mod answer;
pub mod book;
pub mod rebuild;
pub mod rules;

use std::collections::HashMap;

use golive_checklist::unit::NanoUsd;
use golive_config::prices::{Counts, Price};
use golive_config::{Config, LinkRef, UnknownPrice, UpstreamKind};
use golive_store::{Basis, Cost, CostBasis};
use golive_wire::usage::Usage;

use crate::call::Bound;

/// What the links of one configuration cost.
#[derive(Debug, Default)]
pub struct LinkPrices {
    links: HashMap<String, LinkPrice>,
}

#[derive(Debug)]
enum LinkPrice {
    Known(Price),
    /// Counted at the highest price there is.
    Dearest(Price),
    /// Nobody knows, and calls that a budget counts are refused.
    Unknown,
    /// An HTTP agent's tokens are not seen, and nobody said what a call of it costs.
    Unseen,
}

/// Why the most that a call can cost is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPrice {
    /// The link whose price nobody knows.
    pub link: String,
}

/// A link as the ledger names it: `upstream/model`, or the upstream alone.
#[must_use]
pub fn link_name(link: &LinkRef) -> String {
    match &link.model {
        Some(model) => format!("{}/{model}", link.upstream.name),
        None => link.upstream.name.clone(),
    }
}

impl LinkPrices {
    /// The prices of all links of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let money = &config.money;
        let mut dearest: Option<Price> = None;
        let mut links = HashMap::new();
        for link in config.callees().flat_map(|callee| &callee.chain) {
            links
                .entry(link_name(link))
                .or_insert_with(|| match money.prices.of(link) {
                    Some(found) => LinkPrice::Known(found.price.clone()),
                    None if link.upstream.kind == UpstreamKind::Http => LinkPrice::Unseen,
                    None if money.unknown_price == UnknownPrice::Refuse => LinkPrice::Unknown,
                    None => LinkPrice::Dearest(dearest.get_or_insert_with(|| money.prices.dearest()).clone()),
                });
        }
        Self { links }
    }

    /// The most that a call over any link of `chain` can cost; `None`: no link of it has a price that can be seen.
    ///
    /// # Errors
    /// A link of it has a price that nobody knows.
    pub fn at_most<'l>(
        &self,
        chain: impl IntoIterator<Item = &'l LinkRef>,
        bound: Bound,
    ) -> Result<Option<NanoUsd>, NoPrice> {
        let mut most = None;
        for link in chain {
            let name = link_name(link);
            match self.links.get(&name) {
                Some(LinkPrice::Known(price) | LinkPrice::Dearest(price)) => {
                    most = most.max(Some(price.at_most(bound.input, bound.output)));
                }
                Some(LinkPrice::Unseen) => {}
                Some(LinkPrice::Unknown) | None => return Err(NoPrice { link: name }),
            }
        }
        Ok(most)
    }

    /// What a call cost that this link answered.
    #[must_use]
    pub fn cost(&self, link: &str, usage: &Usage, basis: Basis) -> Cost {
        let counts = counts(usage);
        match (self.links.get(link), basis) {
            (Some(LinkPrice::Known(price)), Basis::Reported) => Cost {
                nano_usd: Some(price.cost(&counts)),
                basis: CostBasis::Reported,
            },
            (Some(LinkPrice::Known(price) | LinkPrice::Dearest(price)), _) => Cost {
                nano_usd: Some(price.cost(&counts)),
                basis: CostBasis::Estimated,
            },
            (Some(LinkPrice::Unknown | LinkPrice::Unseen) | None, _) => Cost {
                nano_usd: None,
                basis: CostBasis::Unknown,
            },
        }
    }
}

fn counts(usage: &Usage) -> Counts {
    let known = |count: Option<u64>| count.unwrap_or(0);
    Counts {
        input: known(usage.input),
        cached_input: known(usage.cached_input),
        cache_write: known(usage.cache_write),
        cache_write_1h: known(usage.cache_write_1h),
        image_input: known(usage.image_input),
        audio_input: known(usage.audio_input),
        output: known(usage.output),
        reasoning: known(usage.reasoning),
        image_output: known(usage.image_output),
        audio_output: known(usage.audio_output),
    }
}

/// Two costs of one request together. What is reported and what is estimated is estimated together; what is unknown
/// stays so, beside what is known.
#[must_use]
pub fn both(one: Cost, other: Cost) -> Cost {
    let nano_usd = match (one.nano_usd, other.nano_usd) {
        (Some(one), Some(other)) => Some(one.plus(other)),
        (one, other) => one.or(other),
    };
    let basis = match (one.basis, other.basis) {
        (CostBasis::None, basis) | (basis, CostBasis::None) => basis,
        (CostBasis::Reported, CostBasis::Reported) => CostBasis::Reported,
        (CostBasis::Unknown, _) | (_, CostBasis::Unknown) if nano_usd.is_none() => CostBasis::Unknown,
        _ => CostBasis::Estimated,
    };
    Cost { nano_usd, basis }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(nano: Option<u64>, basis: CostBasis) -> Cost {
        Cost {
            nano_usd: nano.map(NanoUsd),
            basis,
        }
    }

    #[test]
    fn reported_and_estimated_are_never_mixed_in_silence() {
        use CostBasis::{Estimated, None as Nothing, Reported, Unknown};
        for (one, other, together) in [
            (
                cost(Some(1), Reported),
                cost(Some(2), Reported),
                cost(Some(3), Reported),
            ),
            (
                cost(Some(1), Reported),
                cost(Some(2), Estimated),
                cost(Some(3), Estimated),
            ),
            (
                cost(Some(1), Reported),
                cost(None, Unknown),
                cost(Some(1), Estimated),
            ),
            (cost(None, Unknown), cost(None, Unknown), cost(None, Unknown)),
            (
                cost(None, Nothing),
                cost(Some(2), Reported),
                cost(Some(2), Reported),
            ),
            (cost(None, Nothing), cost(None, Nothing), cost(None, Nothing)),
        ] {
            assert_eq!(both(one, other), together);
            assert_eq!(both(other, one), together);
        }
    }
}
