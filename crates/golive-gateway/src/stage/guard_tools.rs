//! S6: tools. A request offers only those that its principal may use, and an answer calls only those that were
//! offered.
//!
//! Functions are run by the caller; hosted tools and stored files are the provider's, each a capability of its own. An
//! HTTP agent's JSON has no place for tools, so nothing of it is looked at here.
//!
//! Never: shows a name of a caller's or a model's longer than a line, or in a header anything but plain characters.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use golive_config::DeniedTools;
use golive_wire::ApiError;
use golive_wire::tools::{self, Choice, Offer, STORED_FILES, ToolSet};
use http::{HeaderMap, HeaderValue};

use super::Step;
use super::authorise::{Authorised, printable};
use super::read::Ask;
use crate::auth::principal::Principal;
use crate::call::{Call, Outcome};
use crate::policy::{Action, Kind, Resource, Rules, Who};
use crate::reply::Refused;
use crate::runtime::Route;

/// Most tools of one request. OpenAI takes 128; each may cost a decision.
const TOOLS_MAX: usize = 1024;
/// The longest name of a tool; a longer one is denied without asking.
const NAME_MAX: usize = 128;
/// Names in the header that tells what was taken out; more are counted.
const HEADER_NAMES_MAX: usize = 16;

/// What a request asks for, by name. Most ask for nothing, and cost nothing here.
#[derive(Debug, Default)]
pub struct Offered {
    /// Functions of the caller's.
    pub functions: Vec<String>,
    /// Capabilities of the provider's, each once.
    pub hosted: Vec<String>,
    /// Names under which the caller runs tools of the provider's making.
    hosted_names: Vec<String>,
    /// Every tool that the model is told to call.
    chosen: Vec<String>,
    /// The model must call a tool.
    demands: bool,
}

impl Offered {
    /// From the view of a request.
    #[must_use]
    pub fn of(
        functions: Vec<Cow<'_, str>>,
        kinds: Vec<Cow<'_, str>>,
        hosted_names: Vec<Cow<'_, str>>,
        features: Vec<&'static str>,
        stored_files: bool,
        choice: &Choice<'_>,
    ) -> Self {
        let owned = |names: Vec<Cow<'_, str>>| names.into_iter().map(Cow::into_owned).collect();
        let mut hosted: Vec<String> = kinds.iter().map(|kind| tools::capability(kind)).collect();
        hosted.extend(features.into_iter().map(str::to_owned));
        hosted.extend(stored_files.then(|| STORED_FILES.to_owned()));
        hosted.sort_unstable();
        hosted.dedup();
        Self {
            functions: owned(functions),
            hosted,
            hosted_names: owned(hosted_names),
            chosen: choice
                .names
                .iter()
                .map(|name| name.clone().into_owned())
                .collect(),
            demands: choice.demands(),
        }
    }

    fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.hosted.is_empty() && self.chosen.is_empty()
    }
}

/// A request whose tools are permitted. Made only here.
#[derive(Debug)]
pub struct Guarded {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
    pub(super) route: Arc<Route>,
    /// What the answer may call.
    pub(super) tools: Arc<ToolSet>,
}

/// Checks each tool that is offered; refuses the request or takes out what is denied, as its agent or model is
/// configured.
///
/// # Errors
/// A denied tool, a choice of one, a stored file, or more tools than any request needs.
pub fn run(authorised: Authorised) -> Step<Guarded> {
    let Authorised {
        mut call,
        headers,
        mut body,
        mut ask,
        route,
    } = authorised;
    let asked = std::mem::take(&mut ask.tools);
    let guarded = if asked.is_empty() {
        Ok((body, ToolSet::default()))
    } else {
        permitted(&mut call, &asked, &route).and_then(|denied| {
            let set = ToolSet {
                names: left(&asked.functions, &denied, Kind::Tool)
                    .chain(asked.hosted_names.clone())
                    .collect(),
                hosted: left(&asked.hosted, &denied, Kind::Hosted).collect(),
            };
            if !denied.is_empty() {
                strip(&mut call, &asked, &denied, &set, &mut body)?;
            }
            Ok((body, set))
        })
    };
    match guarded {
        Ok((body, set)) => Ok(Guarded {
            call,
            headers,
            body,
            ask,
            route,
            tools: Arc::new(set),
        }),
        Err(error) => Err(Refused::by_rule(call, "guard_tools", error)),
    }
}

/// One tool that is denied.
type Denied = (Kind, String);

fn left<'a>(names: &'a [String], denied: &'a [Denied], kind: Kind) -> impl Iterator<Item = String> + use<'a> {
    let is_denied = move |name: &str| denied.iter().any(|(of, one)| *of == kind && one == name);
    names.iter().filter(move |name| !is_denied(name)).cloned()
}

/// What of it is denied, where that is to be taken out.
fn permitted(call: &mut Call, asked: &Offered, route: &Route) -> Result<Vec<Denied>, ApiError> {
    let count = asked.functions.len() + asked.hosted.len() + asked.chosen.len();
    if count > TOOLS_MAX {
        return Err(ApiError::new(
            400,
            "too_many_tools",
            format!("The request offers {count} tools; {TOOLS_MAX} are the most."),
        )
        .with_param("tools")
        .with_should_retry(false));
    }
    let Some(principal) = call.principal.clone() else {
        // identify always gives one; a request without must not pass
        return Err(denied_tool(Kind::Tool, "?", "tools"));
    };
    let runtime = call.gateway.runtime();
    let rules = &runtime.policy;
    // What the model is told to call is meant: it is never taken out in silence.
    let hosted_name = |name: &String| asked.hosted_names.contains(name);
    for name in asked.chosen.iter().filter(|name| !hosted_name(name)) {
        if !may_use(rules, &principal, Kind::Tool, name) {
            call.decide(
                "guard_tools",
                format!("a choice of tool/{} is denied", printable(name)),
            );
            return Err(denied_tool(Kind::Tool, name, "tool_choice"));
        }
    }
    let functions = asked.functions.iter().map(|name| (Kind::Tool, name));
    let hosted = asked.hosted.iter().map(|name| (Kind::Hosted, name));
    let mut denied = Vec::new();
    for (kind, name) in functions.chain(hosted) {
        if may_use(rules, &principal, kind, name) {
            continue;
        }
        let takes_out = route.callee.denied_tools == DeniedTools::Strip && name != STORED_FILES;
        if !takes_out {
            call.decide(
                "guard_tools",
                format!("{}/{} is denied", kind.as_str(), printable(name)),
            );
            let param = if name == STORED_FILES { "messages" } else { "tools" };
            return Err(denied_tool(kind, name, param));
        }
        denied.push((kind, name.clone()));
    }
    if denied.is_empty() {
        call.decide("guard_tools", format!("{count} tools, permitted"));
    }
    Ok(denied)
}

fn may_use(rules: &Rules, principal: &Principal, kind: Kind, name: &str) -> bool {
    name.len() <= NAME_MAX && rules.permit(Who::of(principal), Action::Use, Resource::new(kind, name))
}

/// Takes the denied tools out of the body, and writes down that it did.
fn strip(
    call: &mut Call,
    asked: &Offered,
    denied: &[Denied],
    set: &ToolSet,
    body: &mut Bytes,
) -> Result<(), ApiError> {
    let hosted_denied = denied.iter().any(|(kind, _)| *kind == Kind::Hosted);
    let chooses_hosted = asked.chosen.iter().any(|name| asked.hosted_names.contains(name));
    if (asked.demands && set.names.is_empty() && set.hosted.is_empty()) || (hosted_denied && chooses_hosted) {
        let (kind, name) = &denied[0]; // the caller asks only with something denied
        call.decide("guard_tools", "the model is told to call what is denied");
        return Err(denied_tool(*kind, name, "tool_choice"));
    }
    let is_denied = |kind: Kind, name: &str| denied.iter().any(|(of, one)| *of == kind && one == name);
    let keep = |offer: Offer<'_>| match offer {
        Offer::Function(name) => !is_denied(Kind::Tool, name),
        Offer::Hosted(name) => !is_denied(Kind::Hosted, name),
    };
    *body = tools::strip(call.surface.wire(), body, keep).into();
    call.stripped_tools = HeaderValue::from_str(&header(denied)).ok();
    call.decide("guard_tools", format!("took out {}", header(denied)));
    Ok(())
}

/// `pay, hosted/web_search, 3 more`.
fn header(denied: &[Denied]) -> String {
    let shown = |(kind, name): &Denied| {
        let plain: String = name
            .chars()
            .take(NAME_MAX)
            .map(|c| {
                if c.is_ascii_alphanumeric() || "_-.".contains(c) {
                    c
                } else {
                    '?'
                }
            })
            .collect();
        match kind {
            Kind::Hosted => format!("hosted/{plain}"),
            _ => plain,
        }
    };
    let mut names: Vec<String> = denied.iter().take(HEADER_NAMES_MAX).map(shown).collect();
    if denied.len() > HEADER_NAMES_MAX {
        names.push(format!("{} more", denied.len() - HEADER_NAMES_MAX));
    }
    names.join(", ")
}

fn denied_tool(kind: Kind, name: &str, param: &'static str) -> ApiError {
    let what = match (kind, name) {
        (_, STORED_FILES) => "refer to files that the provider keeps".to_owned(),
        (Kind::Hosted, name) => format!("use `{}`, which the provider runs", printable(name)),
        _ => format!("use the tool `{}`", printable(name)),
    };
    ApiError::new(403, "tool_denied", format!("This key may not {what}."))
        .with_param(param)
        .with_should_retry(false)
}

const BLOCKED: &str = "tool_call_blocked";

/// How an answer is recorded in which a call was blocked.
pub(super) fn outcome() -> Outcome {
    Outcome::Refused {
        stage: "guard_tools",
        code: BLOCKED,
    }
}

/// An answer that called a tool it may not, before any of it was sent.
pub(super) fn blocked(mut call: Box<Call>, tool: &str) -> Box<Refused> {
    note(&mut call, tool);
    let error = ApiError::new(
        403,
        BLOCKED,
        "The answer called a tool that this request did not offer, and was withheld.",
    );
    Refused::by_rule(call, "guard_tools", error.with_should_retry(false))
}

/// Writes down that a call of this tool was blocked.
pub(super) fn note(call: &mut Call, tool: &str) {
    let tool = if tool.is_empty() {
        "a tool without a name"
    } else {
        tool
    };
    let tool = printable(tool);
    tracing::warn!(request = %call.id, tool, "an answer called a tool that was not offered; it was blocked");
    call.decide("guard_tools", format!("blocked a call of {tool}"));
}
