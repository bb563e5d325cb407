//! S3: the header names of golive's lists that the http crate has no constant for. A name that is given as text is
//! parsed and hashed anew at each look, and every request looks a dozen times.
//!
//! Never: a name that a caller or the configuration chose.

use http::HeaderName;

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`.")] pub(crate) static $constant: HeaderName = HeaderName::from_static($name);)*
    };
}

names! {
    ANTHROPIC_BETA = "anthropic-beta";
    ANTHROPIC_VERSION = "anthropic-version";
    GOLIVE_BUDGET_WARNING = "golive-budget-warning";
    GOLIVE_FLAGGED = "golive-flagged";
    GOLIVE_PRIORITY = "golive-priority";
    GOLIVE_RELEASE = "golive-release";
    GOLIVE_REPLAYED = "golive-replayed";
    GOLIVE_STRIPPED_TOOLS = "golive-stripped-tools";
    GOLIVE_UNTRANSLATED = "golive-untranslated";
    IDEMPOTENCY_KEY = "idempotency-key";
    OPENAI_BETA = "openai-beta";
    REQUEST_ID = "request-id";
    TRACEPARENT = "traceparent";
    TRACESTATE = "tracestate";
    X_ACCEL_BUFFERING = "x-accel-buffering";
    X_REQUEST_ID = "x-request-id";
    X_SHOULD_RETRY = "x-should-retry";
}
