//! M2 S7 P6: how a ledger row stands in the table, and in the spill file: the same list of columns.
//! Columns are only ever added at the end, so that a spill file of an older version can be read.
//!
//! Never: puts a prompt, a reply, a user id or a caller's own request id into a column in clear.

use bytes::Bytes;
use uuid::Uuid;

use golive_checklist::unit::NanoUsd;

use super::{Basis, Cost, CostBasis, LedgerRow, OPEN, OpenRow, Tokens, UserHash};
use crate::backend::{Failure, FailureKind, Row, Value};
use crate::seal::{Keyring, Place, Purpose, SealError};

macro_rules! plain_columns {
    () => {
        "id, at_us, principal, user_hash, callee, release_digest, wire, route, streamed, outcome, status, link, \
         attempts, tokens_input, tokens_cached, tokens_output, tokens_reasoning, basis, latency_us, first_byte_us, \
         bytes_in, bytes_out, counted, folded, client_request_id, trace_id, decisions, run, content_bytes"
    };
}
pub(super) use plain_columns;

/// Columns that came later. They stand behind prompt and reply.
macro_rules! later_columns {
    () => {
        "cost_nano, cost_basis, tokens_cache_write"
    };
}
pub(super) use later_columns;

/// How many columns a row has.
pub(crate) const WIDTH: usize = 34;
/// How many a row had in the first version.
const WIDTH_FIRST: usize = 31;
const OUTCOME: usize = 9;
const FOLDED: usize = 23;
const CONTENT_BYTES: usize = 28;
const PROMPT: usize = 29;
const REPLY: usize = 30;

/// Begin of the insert, for rows in the order of [`encode`].
pub(crate) const INSERT_HEAD: &str = concat!(
    "INSERT INTO ledger (",
    plain_columns!(),
    ", prompt, reply, ",
    later_columns!(),
    ") "
);

/// A final row replaces the open one of its id, a folded row replaces its own smaller self, and
/// anything else that comes twice is ignored.
pub(crate) const INSERT_TAIL: &str = " ON CONFLICT (id) DO UPDATE SET \
    at_us = excluded.at_us, principal = excluded.principal, user_hash = excluded.user_hash, \
    callee = excluded.callee, release_digest = excluded.release_digest, wire = excluded.wire, \
    route = excluded.route, streamed = excluded.streamed, outcome = excluded.outcome, \
    status = excluded.status, link = excluded.link, attempts = excluded.attempts, \
    tokens_input = excluded.tokens_input, tokens_cached = excluded.tokens_cached, \
    tokens_output = excluded.tokens_output, tokens_reasoning = excluded.tokens_reasoning, \
    basis = excluded.basis, latency_us = excluded.latency_us, first_byte_us = excluded.first_byte_us, \
    bytes_in = excluded.bytes_in, bytes_out = excluded.bytes_out, counted = excluded.counted, \
    folded = excluded.folded, client_request_id = excluded.client_request_id, \
    trace_id = excluded.trace_id, decisions = excluded.decisions, run = excluded.run, \
    content_bytes = excluded.content_bytes, prompt = excluded.prompt, reply = excluded.reply, \
    cost_nano = excluded.cost_nano, cost_basis = excluded.cost_basis, \
    tokens_cache_write = excluded.tokens_cache_write \
    WHERE ledger.outcome = 'open' OR excluded.folded > ledger.folded";

/// A final row as columns, its content sealed. `run` tells this process's rows from those of a dead one.
pub(crate) fn encode(row: &LedgerRow, keyring: &Keyring, run: i64) -> Result<Vec<Value>, SealError> {
    let seal = |column, content: &Option<Bytes>| {
        let Some(content) = content else { return Ok(None) };
        keyring
            .seal(Purpose::Content, &content_place(column, &row.id), content)
            .map(|sealed| Some(Bytes::from(sealed)))
    };
    let own_id = match &row.client_request_id {
        Some(text) => Some(keyring.seal_text(&content_place("client_request_id", &row.id), text)?),
        None => None,
    };
    Ok(columns(
        row,
        seal("prompt", &row.prompt)?,
        seal("reply", &row.reply)?,
        own_id,
        run,
    ))
}

/// A final row as columns, without anything that would have to be sealed.
pub(crate) fn encode_bare(row: &LedgerRow, run: i64) -> Vec<Value> {
    columns(row, None, None, None, run)
}

fn columns(
    row: &LedgerRow,
    prompt: Option<Bytes>,
    reply: Option<Bytes>,
    own_id: Option<String>,
    run: i64,
) -> Vec<Value> {
    let content_bytes = [&prompt, &reply]
        .into_iter()
        .flatten()
        .map(|sealed| sealed.len() as u64)
        .sum();
    vec![
        Value::bytes(row.id.as_bytes()),
        row.at_us.into(),
        Value::text(&row.principal),
        user_hash(row.user_hash),
        Value::maybe_text(row.callee.as_deref()),
        Value::maybe_text(row.release.as_deref()),
        Value::text(&row.wire),
        Value::text(&row.route),
        Value::truth(row.stream),
        Value::text(&row.outcome),
        Value::count(row.status.into()),
        Value::maybe_text(row.link.as_deref()),
        Value::count(row.attempts.into()),
        Value::maybe_count(row.tokens.input),
        Value::maybe_count(row.tokens.cached_input),
        Value::maybe_count(row.tokens.output),
        Value::maybe_count(row.tokens.reasoning),
        Value::text(basis_name(row.basis)),
        Value::count(row.latency_us),
        Value::maybe_count(row.first_byte_us),
        Value::count(row.bytes_in),
        Value::count(row.bytes_out),
        Value::truth(row.counted),
        Value::count(row.folded.max(1).into()),
        Value::maybe_text(own_id.as_deref()),
        Value::maybe_text(row.trace_id.as_deref()),
        Value::text(&row.decisions),
        run.into(),
        Value::count(content_bytes),
        Value::Bytes(prompt),
        Value::Bytes(reply),
        cost_nano(row.cost),
        cost_basis(row.cost),
        Value::maybe_count(row.tokens.cache_write),
    ]
}

/// An open row as columns: what a `lost` row will say if nothing better comes.
pub(crate) fn encode_open(row: &OpenRow, run: i64) -> Vec<Value> {
    let known = row.estimate != Tokens::default();
    vec![
        Value::bytes(row.id.as_bytes()),
        row.at_us.into(),
        Value::text(&row.principal),
        user_hash(row.user_hash),
        Value::maybe_text(row.callee.as_deref()),
        Value::Text(None),
        Value::text(""),
        Value::text(""),
        Value::truth(false),
        Value::text(OPEN),
        Value::count(0),
        Value::Text(None),
        Value::count(0),
        Value::maybe_count(row.estimate.input),
        Value::maybe_count(row.estimate.cached_input),
        Value::maybe_count(row.estimate.output),
        Value::maybe_count(row.estimate.reasoning),
        Value::text(basis_name(if known { Basis::Estimated } else { Basis::None })),
        Value::count(0),
        Value::Int(None),
        Value::count(0),
        Value::count(0),
        Value::truth(row.counted),
        Value::count(1),
        Value::Text(None),
        Value::Text(None),
        Value::text("[]"),
        run.into(),
        Value::count(0),
        Value::Bytes(None),
        Value::Bytes(None),
        cost_nano(row.cost),
        cost_basis(row.cost),
        Value::maybe_count(row.estimate.cache_write),
    ]
}

/// The same row without prompt and reply, for a spill file that has room for nothing more.
pub(crate) fn keep_without_content(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    if values.len() == WIDTH {
        values[CONTENT_BYTES] = Value::count(0);
        values[PROMPT] = Value::Bytes(None);
        values[REPLY] = Value::Bytes(None);
    }
    values
}

/// The id in an encoded row.
pub(crate) fn row_id(values: &[Value]) -> Option<Bytes> {
    match values.first() {
        Some(Value::Bytes(id)) => id.clone(),
        _ => None,
    }
}

/// Whether an encoded row is an open one.
pub(crate) fn is_open(values: &[Value]) -> bool {
    matches!(values.get(OUTCOME), Some(Value::Text(Some(outcome))) if &**outcome == OPEN)
}

/// The rule of [`INSERT_TAIL`], for two encoded rows of one id.
pub(crate) fn replaces(new: &[Value], old: &[Value]) -> bool {
    let folded = |values: &[Value]| match values.get(FOLDED) {
        Some(Value::Int(Some(folded))) => *folded,
        _ => 0,
    };
    is_open(old) || folded(new) > folded(old)
}

/// A row from the spill file as this version writes it. A later version has more columns, at the
/// end; they go unread. An earlier one has fewer: what it did not know is empty. `None` for a row that is too short to
/// be one.
pub(crate) fn fit(mut values: Vec<Value>) -> Option<Vec<Value>> {
    values.truncate(WIDTH);
    if values.len() >= WIDTH_FIRST {
        let later = [Value::Int(None), Value::Text(None), Value::Int(None)];
        let known = values.len() - WIDTH_FIRST;
        values.extend(later.into_iter().skip(known));
    }
    (values.len() == WIDTH && row_id(&values).is_some()).then_some(values)
}

/// A row that was read; `content` says whether prompt and reply stand at its end and are to be opened.
pub(super) fn decode(row: &Row, keyring: &Keyring, content: bool) -> Result<LedgerRow, Failure> {
    let id = Uuid::from_bytes(row.array(0)?);
    // Of a damaged one the rest of the row is still worth having.
    let own_id = row.maybe_text(24)?.map(|text| {
        let opened = keyring.open_text(&content_place("client_request_id", &id), &text);
        opened.unwrap_or_else(|error| format!("({error})"))
    });
    let open = |column, place| -> Result<Option<Bytes>, Failure> {
        if !content {
            return Ok(None);
        }
        let Some(sealed) = row.maybe_bytes(place)? else {
            return Ok(None);
        };
        let plain = keyring.open(Purpose::Content, &content_place(column, &id), &sealed);
        plain
            .map(|plain| Some(Bytes::from(plain)))
            .map_err(|error| Failure::new(FailureKind::Damaged, format!("{column} of row {id}: {error}")))
    };
    let later = row.0.len().saturating_sub(WIDTH - WIDTH_FIRST); // they are the last that were asked for
    Ok(LedgerRow {
        id,
        at_us: row.int(1)?,
        principal: row.text(2)?,
        user_hash: row.maybe_array(3)?.map(UserHash),
        callee: row.maybe_text(4)?,
        release: row.maybe_text(5)?,
        wire: row.text(6)?,
        route: row.text(7)?,
        stream: row.int(8)? != 0,
        outcome: row.text(9)?,
        status: u16::try_from(row.int(10)?).unwrap_or(0),
        link: row.maybe_text(11)?,
        attempts: u16::try_from(row.int(12)?).unwrap_or(u16::MAX),
        tokens: Tokens {
            input: row.maybe_count(13)?,
            cached_input: row.maybe_count(14)?,
            output: row.maybe_count(15)?,
            reasoning: row.maybe_count(16)?,
            cache_write: row.maybe_count(later + 2)?,
        },
        cost: Cost {
            nano_usd: row.maybe_count(later)?.map(NanoUsd),
            basis: cost_basis_of(row.maybe_text(later + 1)?.as_deref()),
        },
        basis: basis_of(&row.text(17)?),
        latency_us: row.count(18)?,
        first_byte_us: row.maybe_count(19)?,
        bytes_in: row.count(20)?,
        bytes_out: row.count(21)?,
        counted: row.int(22)? != 0,
        folded: u32::try_from(row.int(23)?).unwrap_or(u32::MAX),
        client_request_id: own_id,
        trace_id: row.maybe_text(25)?,
        decisions: row.text(26)?,
        prompt: open("prompt", PROMPT)?,
        reply: open("reply", REPLY)?,
    })
}

fn content_place<'a>(column: &'a str, id: &'a Uuid) -> Place<'a> {
    Place {
        table: "ledger",
        column,
        row: id.as_bytes(),
    }
}

fn user_hash(hash: Option<UserHash>) -> Value {
    Value::Bytes(hash.map(|hash| Bytes::copy_from_slice(&hash.0)))
}

fn cost_nano(cost: Cost) -> Value {
    Value::maybe_count(cost.nano_usd.map(|amount| amount.0))
}

fn cost_basis(cost: Cost) -> Value {
    Value::maybe_text(match cost.basis {
        CostBasis::Reported => Some("reported"),
        CostBasis::Estimated => Some("estimated"),
        CostBasis::Unknown => Some("unknown"),
        CostBasis::None => None,
    })
}

pub(super) fn cost_basis_of(name: Option<&str>) -> CostBasis {
    match name {
        Some("reported") => CostBasis::Reported,
        Some("estimated") => CostBasis::Estimated,
        Some("unknown") => CostBasis::Unknown,
        _ => CostBasis::None,
    }
}

fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Reported => "reported",
        Basis::Estimated => "estimated",
        Basis::None => "none",
    }
}

fn basis_of(name: &str) -> Basis {
    match name {
        "reported" => Basis::Reported,
        "estimated" => Basis::Estimated,
        _ => Basis::None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::seal::tests::keyring;

    pub(crate) fn row(id: u128) -> LedgerRow {
        LedgerRow {
            id: Uuid::from_u128(id),
            at_us: 1_700_000_000_000_000,
            principal: "key_a".into(),
            user_hash: Some(UserHash([7; 16])),
            callee: Some("agent/support".into()),
            release: Some("ab".repeat(32)),
            wire: "openai".into(),
            route: "POST /v1/chat/completions".into(),
            stream: true,
            outcome: "ok".into(),
            status: 200,
            link: Some("openai/gpt-4o".into()),
            attempts: 2,
            tokens: Tokens {
                input: Some(10),
                cached_input: Some(3),
                output: Some(20),
                reasoning: None,
                cache_write: Some(2),
            },
            basis: Basis::Reported,
            cost: Cost {
                nano_usd: Some(NanoUsd(12_345)),
                basis: CostBasis::Reported,
            },
            latency_us: 1_500_000,
            first_byte_us: Some(300_000),
            bytes_in: 512,
            bytes_out: 4096,
            counted: true,
            folded: 1,
            client_request_id: Some("their-1".into()),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
            decisions: "[]".into(),
            prompt: Some(Bytes::from_static(b"what is my balance?")),
            reply: Some(Bytes::from_static(b"42")),
        }
    }

    #[test]
    fn a_row_comes_back_as_it_was_and_its_content_is_not_in_its_columns() {
        let ring = keyring();
        let values = encode(&row(1), &ring, 5).unwrap();
        assert_eq!(values.len(), WIDTH);
        for value in &values {
            match value {
                Value::Bytes(Some(bytes)) => assert!(!bytes.windows(7).any(|window| window == b"balance")),
                Value::Text(Some(text)) => assert!(!text.contains("their-1")),
                _ => {}
            }
        }
        assert_eq!(decode(&Row(values.clone()), &ring, true).unwrap(), row(1));
        let bare = decode(&Row(keep_without_content(&values)), &ring, true).unwrap();
        assert_eq!(
            bare,
            LedgerRow {
                prompt: None,
                reply: None,
                ..row(1)
            }
        );
    }

    #[test]
    fn a_row_that_an_earlier_version_spilled_is_read_and_what_it_did_not_know_is_empty() {
        let ring = keyring();
        let values = encode(&row(1), &ring, 5).unwrap();
        let early = values[..WIDTH_FIRST].to_vec();
        let fitted = fit(early.clone()).unwrap();
        assert_eq!(fitted.len(), WIDTH);
        let read = decode(&Row(fitted), &ring, true).unwrap();
        assert_eq!((read.cost, read.tokens.cache_write), (Cost::default(), None));
        assert_eq!(read.reply, row(1).reply);
        let later: Vec<Value> = values.iter().cloned().chain([Value::Int(Some(9))]).collect();
        assert_eq!(fit(later), Some(values));
        assert_eq!(fit(early[..WIDTH_FIRST - 1].to_vec()), None);
    }

    #[test]
    fn all_three_lists_of_columns_are_as_long_as_a_row() {
        let open = OpenRow {
            id: Uuid::nil(),
            at_us: 0,
            principal: String::new(),
            user_hash: None,
            callee: None,
            estimate: Tokens::default(),
            cost: Cost::default(),
            counted: false,
        };
        assert_eq!(encode_open(&open, 1).len(), WIDTH);
        assert_eq!(INSERT_HEAD.split(',').count(), WIDTH);
        assert_eq!(INSERT_TAIL.matches("excluded.").count(), WIDTH - 1 + 1); // all but the id, and the folded row's test
    }
}
