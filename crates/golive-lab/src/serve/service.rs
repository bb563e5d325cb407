//! P1, P2, P3, P4, S2, S3: one request: read it, record it, decide what it meets, answer.
//!
//! Never: keeps a request out of the timeline, not even one that it could not read.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::answer::{Answer, Before, Content};
use crate::arrival::Outcome;
use crate::confidence::Confidence;
use crate::model;
use crate::nonce::format_nonce;
use crate::receiver::hook::serve as hook;
use crate::receiver::oidc::serve as oidc;
use crate::script::{Behaviour, PageFile};
use crate::serve::body::LabBody;
use crate::serve::connection::Control;
use crate::serve::listener::{ListenerState, Surface};
use crate::timeline::{BODY_KEPT_MAX, Head, Progress, Tokens};
use crate::wire::{Asked, Dialect, Envelope, Route, model as one_model, models, numbers};
use crate::world::{Ask, Provider, Record, World};
use crate::{control, redact};

/// The connection is to be reset (HTTP/1) or the stream (HTTP/2).
#[derive(Debug, thiserror::Error)]
#[error("the lab was told to reset")]
pub(crate) struct ToldToReset;

/// Answers one request.
pub(crate) async fn serve(
    world: Arc<World>,
    surface: Surface,
    control: Control,
    request: Request<Incoming>,
) -> Result<Response<LabBody>, ToldToReset> {
    let (provider, prefix) = match &surface {
        Surface::Provider(provider) => (provider.clone(), 0),
        Surface::Main => {
            let path = request.uri().path();
            if path.starts_with("/_lab") {
                return Ok(control::answer(&world, request).await);
            }
            if path.starts_with(oidc::PREFIX) {
                return issued(&world, &control, &request).await;
            }
            if path.starts_with(hook::PREFIX) || path.starts_with(hook::SLACK_PREFIX) {
                return delivered(&world, &control, request).await;
            }
            let (name, prefix) = provider_of(path);
            match world.provider(name) {
                Some(provider) => (provider, prefix),
                None => return Ok(control::no_such_provider()),
            }
        }
    };
    let (parts, body) = request.into_parts();
    let mut reading = Reading {
        head: Some(Arriving {
            world: &world,
            control: &control,
            provider: &provider,
            parts: &parts,
            prefix,
        }),
        body: BytesMut::new(),
    };
    let body = match reading.read(body).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => return Ok(reading.refuse_as_too_large()),
        Err(Unread::Broken) => return Err(ToldToReset), // recorded when `reading` is dropped
    };
    let Some(arriving) = reading.head.take() else {
        return Err(ToldToReset);
    }; // taken only here and above
    arriving.answer(body).await
}

/// A document of the lab's OIDC issuer, or the outage that it is to meet.
async fn issued(
    world: &Arc<World>,
    control: &Control,
    request: &Request<Incoming>,
) -> Result<Response<LabBody>, ToldToReset> {
    match oidc::answer(world, request).await {
        oidc::Answer::Send(response) => return Ok(*response),
        oidc::Answer::Hang => std::future::pending::<()>().await,
        oidc::Answer::Reset if request.version() != Version::HTTP_2 => {
            control.reset();
            std::future::pending::<()>().await; // the connection's task ends us
        }
        oidc::Answer::Reset => {}
    }
    Err(ToldToReset)
}

/// A delivery to one of the lab's receivers, taken or not.
async fn delivered(
    world: &Arc<World>,
    control: &Control,
    request: Request<Incoming>,
) -> Result<Response<LabBody>, ToldToReset> {
    let version = request.version();
    match hook::answer(world, request).await {
        hook::Answer::Send(response) => return Ok(*response),
        hook::Answer::Hang => std::future::pending::<()>().await,
        hook::Answer::Reset if version != Version::HTTP_2 => {
            control.reset();
            std::future::pending::<()>().await; // the connection's task ends us
        }
        hook::Answer::Reset => {}
    }
    Err(ToldToReset)
}

/// The provider that a path names, and the length of that prefix.
fn provider_of(path: &str) -> (&str, usize) {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let first = rest.split('/').next().unwrap_or_default();
    // Without a prefix, and for a path that can only be a mistake, it is the default provider.
    if first.is_empty() || first == "v1" || first == "agent" || first.len() == rest.len() {
        ("default", 0)
    } else {
        (first, 1 + first.len())
    }
}

/// Why a body was not read whole.
enum Unread {
    TooLarge,
    /// The client left, or broke the protocol.
    Broken,
}

/// A request whose body is being read; dropped meanwhile, it is recorded as far as it came.
struct Reading<'a> {
    head: Option<Arriving<'a>>,
    body: BytesMut,
}

impl Reading<'_> {
    async fn read(&mut self, mut body: Incoming) -> Result<Bytes, Unread> {
        let mut first: Option<Bytes> = None;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                self.body.extend_from_slice(&first.unwrap_or_default());
                return Err(Unread::Broken);
            };
            let Ok(data) = frame.into_data() else { continue };
            match first.take() {
                None if self.body.is_empty() && body.is_end_stream() => return Ok(data), // without a copy
                None if self.body.is_empty() => first = Some(data),
                None => self.body.extend_from_slice(&data),
                Some(before) => {
                    self.body.extend_from_slice(&before);
                    self.body.extend_from_slice(&data);
                }
            }
            if self.body.len() > BODY_SIZE_MAX {
                return Err(Unread::TooLarge);
            }
        }
        Ok(first.unwrap_or_else(|| self.body.split().freeze()))
    }

    fn refuse_as_too_large(&mut self) -> Response<LabBody> {
        let message = "the lab reads bodies of at most 32 MiB";
        let Some(arriving) = self.head.take() else {
            return control::no_such_provider();
        };
        let dialect = Route::of(&arriving.parts.method, arriving.path()).dialect(&arriving.parts.headers);
        let answer = Answer::json(413, dialect.error_body(413, message, "request_too_large"));
        let mut record = arriving
            .record(&self.body.split().freeze(), None, false, Progress::open())
            .0;
        record.status(413, None, Tokens::default());
        // The rest of the body is not read: the connection cannot be used again.
        let mut response = arriving.response(answer, record);
        response
            .headers_mut()
            .insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(arriving) = self.head.take() {
            // The record's own drop says who left.
            drop(arriving.record(&self.body.split().freeze(), None, false, Progress::open()));
        }
    }
}

/// A request at a provider.
struct Arriving<'a> {
    world: &'a Arc<World>,
    control: &'a Control,
    provider: &'a Arc<Provider>,
    parts: &'a http::request::Parts,
    /// Length of the provider's prefix in the path.
    prefix: usize,
}

impl Arriving<'_> {
    async fn answer(self, body: Bytes) -> Result<Response<LabBody>, ToldToReset> {
        let route = Route::of(&self.parts.method, self.path());
        let dialect = route.dialect(&self.parts.headers);
        let asked = match route {
            Route::Chat(dialect) => Some(dialect.read(&body, &self.parts.headers)),
            _ => None,
        };
        let numbers = match route {
            Route::Embeddings => Some(numbers::embeddings(&body)),
            Route::CountTokens => Some(numbers::count(&body, &self.parts.headers)),
            _ => None,
        };
        let (model, stream) = match (&asked, &numbers) {
            (Some(Ok(asked)), _) => (Some(asked.model.as_ref()), asked.stream),
            (_, Some(Ok(numbers))) => (Some(numbers.model.as_ref()), false),
            _ => (None, false),
        };
        let ask = Ask {
            model,
            path: self.path(),
            headers: &self.parts.headers,
            body: &body,
            stream,
        };
        let decision = self.world.decide(self.provider, &ask);
        let mut progress = Progress::open();
        if let Ok(decision) = &decision {
            progress.fault = decision.fault.as_ref().map(|fault| fault.to_string().into());
        }
        let (mut record, seq) = self.record(&body, model, stream, progress);
        let nonce = self.world.marks.nonce(seq);
        let (mut answer, told) = match (&decision, asked) {
            (Err(unknown), _) => (
                error(dialect, 400, &unknown.to_string(), "lab_unknown_name"),
                None,
            ),
            (Ok(_), Some(Err(refused))) => (error(dialect, 400, &refused.to_string(), "lab_refused"), None),
            (Ok(decision), Some(Ok(asked))) => {
                let (answer, tokens) = self.speak(dialect, &asked, &decision.behaviour, nonce);
                (answer, Some(tokens))
            }
            (Ok(_), None) => match &numbers {
                Some(Ok(numbers)) => (Answer::json(200, numbers.body.clone()), None),
                Some(Err(refused)) => (error(dialect, 400, &refused.to_string(), "lab_refused"), None),
                None => (self.list(route, dialect), None),
            },
        };
        if let Ok(decision) = decision {
            if let Some(fault) = &decision.fault {
                answer = answer.with_fault(fault, dialect, &self.follow());
            }
            if matches!(route, Route::Chat(_) | Route::Embeddings | Route::CountTokens) {
                answer.wait += self.world.latency(self.provider, &decision.behaviour);
            }
        }
        self.before(&answer, &mut record).await?;
        if let Before::Refuse(_) = answer.before {
            answer = error(
                dialect,
                501,
                "only a provider with a port of its own can refuse",
                "lab_no_own_port",
            );
        }
        let tokens = told.filter(|_| answer.spoken);
        answer.headers.extend(identity(dialect, nonce));
        let mark = tokens.map(|_| nonce); // numbers carry none
        let billed = match numbers {
            Some(Ok(numbers)) if answer.status == 200 => Tokens {
                input: numbers.input,
                output: 0,
            },
            _ => tokens.unwrap_or_default(),
        };
        record.status(answer.status, mark, billed);
        Ok(self.response(answer, record))
    }

    /// What comes before the status line: the port's state, the latency, and faults that never answer.
    async fn before(&self, answer: &Answer, record: &mut Record) -> Result<(), ToldToReset> {
        if let Some(port) = &self.provider.port
            && port.state() == ListenerState::Hang
        {
            record.hung();
            port.while_hung().await;
        }
        if !answer.wait.is_zero() {
            tokio::time::sleep(answer.wait).await;
        }
        match answer.before {
            Before::Nothing => {}
            Before::Hang => {
                record.hung();
                std::future::pending::<()>().await;
            }
            Before::Reset => {
                record.end(Outcome::Reset);
                return self.reset().await;
            }
            Before::Refuse(_) if self.provider.port.is_none() => {}
            Before::Refuse(for_how_long) => {
                record.end(Outcome::Reset);
                self.refuse(for_how_long);
                return self.reset().await;
            }
        }
        Ok(())
    }

    async fn reset(&self) -> Result<(), ToldToReset> {
        if self.parts.version != Version::HTTP_2 {
            self.control.reset();
            std::future::pending::<()>().await; // the connection's task ends us
        }
        Err(ToldToReset)
    }

    /// Closes the provider's port, and opens it again if told when.
    fn refuse(&self, for_how_long: Option<Duration>) {
        let (world, provider) = (self.world.clone(), self.provider.clone());
        self.world.tasks.spawn(async move {
            let Some(port) = &provider.port else { return };
            if port.set(&world, &provider, ListenerState::Refuse).await.is_err() {
                return; // closing does not fail; opening may, below
            }
            let Some(for_how_long) = for_how_long else { return };
            tokio::select! {
                () = world.stop.cancelled() => return,
                () = tokio::time::sleep(for_how_long) => {}
            }
            if let Err(error) = port.set(&world, &provider, ListenerState::Open).await {
                tracing::warn!(%error, provider = &*provider.id.name, "cannot open the port again");
            }
        });
    }

    fn speak(
        &self,
        dialect: Dialect,
        asked: &Asked<'_>,
        behaviour: &Behaviour,
        nonce: u64,
    ) -> (Answer, Tokens) {
        let mark = self.world.marks.mark(&self.provider.id.name, nonce);
        let reply = model::reply(behaviour, &asked.conversation, &mark);
        let envelope = Envelope {
            model: &asked.model,
            nonce: &mark.nonce,
            created: self.created(),
            include_usage: asked.include_usage,
        };
        let mut content = dialect.write(&envelope, &reply, asked.stream);
        if let (Content::Whole(body), Some(confidence)) = (&mut content, &behaviour.confidence) {
            *body = confidence.stated_in(body);
        }
        let tokens = Tokens {
            input: reply.usage.input,
            output: reply.usage.output,
        };
        let mut answer = Answer::right(content, behaviour.pace);
        answer
            .headers
            .extend(behaviour.confidence.as_ref().and_then(Confidence::as_header));
        (answer, tokens)
    }

    fn list(&self, route: Route<'_>, dialect: Dialect) -> Answer {
        let running = self.provider.running();
        let only = ["lab-model".to_owned()];
        let names = if running.script.models.is_empty() {
            &only[..]
        } else {
            &running.script.models
        };
        match route {
            Route::Models => Answer::json(200, models(dialect, names, self.world.started_unix_s)),
            Route::Model(name) if names.iter().any(|known| known == name) => Answer::json(
                200,
                one_model(dialect, name, self.world.started_unix_s)
                    .to_string()
                    .into(),
            ),
            Route::Model(name) => error(
                dialect,
                404,
                &format!("The model `{name}` does not exist"),
                "model_not_found",
            ),
            Route::Page(name) => match running.script.pages.get(name) {
                Some(page) => page_of(page),
                None => error(dialect, 404, "The lab has no such page.", "not_found"),
            },
            Route::Bait => picture(),
            Route::Redirected => Answer::json(200, Bytes::from_static(b"{\"redirected\":true}")),
            Route::WrongMethod => error(
                dialect,
                405,
                "Not allowed with this method.",
                "method_not_allowed",
            ),
            Route::Unknown | Route::Chat(_) | Route::Embeddings | Route::CountTokens => {
                error(dialect, 404, "The lab has no such path.", "not_found")
            }
        }
    }

    fn record(&self, body: &Bytes, model: Option<&str>, stream: bool, progress: Progress) -> (Record, u64) {
        let kept = &body[..body.len().min(BODY_KEPT_MAX)];
        let whole = kept.len() == body.len();
        let path_and_query = self.parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let head = Head {
            at_us: self.world.clock.now_us(),
            provider: self.provider.id.clone(),
            method: self.parts.method.clone(),
            path: redact::path(path_and_query.get(self.prefix..).unwrap_or_default()).into(),
            model: model.map(Into::into),
            headers: redact::headers(&self.parts.headers),
            // A copy: a slice would keep the connection's whole read buffer alive.
            body: Bytes::copy_from_slice(kept),
            body_len: body.len() as u64,
            body_sha256: if whole {
                None
            } else {
                digest(&SHA256, body).as_ref().try_into().ok()
            },
            stream,
            connection_id: self.control.id(),
        };
        let place = self.world.timeline.push(head, progress);
        (
            Record::new(self.world.clone(), self.control.clone(), place),
            place.seq,
        )
    }

    fn response(&self, answer: Answer, record: Record) -> Response<LabBody> {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let unseen = self.parts.method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let control = (self.parts.version != Version::HTTP_2).then(|| self.control.clone());
        let mut response = Response::new(LabBody::steps(answer.steps, record, control, unseen));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in answer.headers {
            headers.append(name, value);
        }
        if let Some(length) = answer.length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        response
    }

    fn path(&self) -> &str {
        self.parts.uri.path().get(self.prefix..).unwrap_or_default()
    }

    /// Where a redirect leads by default.
    fn follow(&self) -> String {
        format!("{}/redirected", &self.parts.uri.path()[..self.prefix])
    }

    fn created(&self) -> u64 {
        self.world.started_unix_s + self.world.clock.now_us() / 1_000_000
    }
}

fn error(dialect: Dialect, status: u16, message: &str, code: &str) -> Answer {
    Answer::json(status, dialect.error_body(status, message, code))
}

fn page_of(page: &PageFile) -> Answer {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    // Checked when the script was read.
    let kind = page
        .content_type
        .as_deref()
        .and_then(|kind| HeaderValue::from_str(kind).ok());
    Answer {
        headers: vec![(CONTENT_TYPE, kind.unwrap_or(html))],
        ..Answer::json(200, page.body.clone().into())
    }
}

/// A picture of one point, so that whoever was lured does not even see an error.
fn picture() -> Answer {
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    Answer {
        headers: vec![(CONTENT_TYPE, HeaderValue::from_static("image/gif"))],
        ..Answer::json(200, Bytes::from_static(GIF))
    }
}

/// The headers of a provider that a gateway has to know or to keep to itself.
fn identity(dialect: Dialect, nonce: u64) -> [(HeaderName, HeaderValue); 3] {
    let id = HeaderValue::from_str(&format!("req_{}", format_nonce(nonce)));
    let (limit, remaining) = match dialect {
        Dialect::Anthropic => (
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
        ),
        Dialect::OpenAi | Dialect::Agent => ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"),
    };
    [
        (
            dialect.request_id_header(),
            id.unwrap_or(HeaderValue::from_static("req_lab")),
        ),
        (HeaderName::from_static(limit), HeaderValue::from_static("10000")),
        (
            HeaderName::from_static(remaining),
            HeaderValue::from_static("9999"),
        ),
    ]
}

/// Anthropic's limit, the greatest of the providers'.
const BODY_SIZE_MAX: usize = 32 << 20;
