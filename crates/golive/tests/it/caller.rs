//! Callers: well-behaved ones on hyper's client, and raw sockets for the others.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gate::Format;
use crate::world::PATIENCE;

/// A client that opens a connection for each request, so that a test knows what is on it.
pub type Http = Client<HttpConnector, Full<Bytes>>;

/// Makes one.
pub fn http() -> Http {
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build_http()
}

/// A request in the making.
#[derive(Clone)]
pub struct Ask {
    http: Http,
    url: String,
    path: String,
    method: Method,
    headers: Vec<(String, String)>,
    body: Value,
    raw: Option<Bytes>,
    format: Format,
}

impl Ask {
    /// A good request in a format, without a key.
    pub fn new(http: &Http, url: &str, format: Format) -> Self {
        let messages = json!([{"role": "user", "content": "hello"}]);
        let (path, body) = match format {
            Format::OpenAi => (format.path(), json!({"model": "plain", "messages": messages})),
            Format::Anthropic => (
                format.path(),
                json!({"model": "claude", "max_tokens": 64, "messages": messages}),
            ),
            Format::Agent => (format.path(), json!({"message": "hello"})),
        };
        Self {
            http: http.clone(),
            url: url.to_owned(),
            path: path.to_owned(),
            method: Method::POST,
            headers: vec![("content-type".into(), "application/json".into())],
            body,
            raw: None,
            format,
        }
    }

    /// Calls with this key alone, in the header that the format's SDK uses.
    pub fn key(mut self, key: &str) -> Self {
        self.headers
            .retain(|(name, _)| name != "authorization" && name != "x-api-key");
        match self.format {
            Format::Anthropic => self.header("x-api-key", key),
            _ => self.header("authorization", &format!("Bearer {key}")),
        }
    }

    /// Without any key.
    pub fn anonymous(mut self) -> Self {
        self.headers
            .retain(|(name, _)| name != "authorization" && name != "x-api-key");
        self
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// This header in place of all of its name.
    pub fn only_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.header(name, value)
    }

    /// What the lab shall do wrong.
    pub fn fault(self, fault: &str) -> Self {
        self.header("x-lab-fault", fault)
    }

    /// Asks for a stream.
    pub fn stream(mut self) -> Self {
        match self.format {
            Format::Agent => self.header("accept", "text/event-stream"),
            _ => {
                self.body["stream"] = json!(true);
                self
            }
        }
    }

    /// Sets a member of the body.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body[name] = value.into();
        self
    }

    /// Says this as the user.
    pub fn saying(self, text: &str) -> Self {
        match self.format {
            Format::Agent => self.with("message", text),
            _ => self.with("messages", json!([{"role": "user", "content": text}])),
        }
    }

    /// These bytes instead of a body of JSON.
    pub fn raw(mut self, body: impl Into<Bytes>) -> Self {
        self.raw = Some(body.into());
        self
    }

    /// Another path, or one with a query.
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Another method.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The bytes of the body.
    pub fn body(&self) -> Bytes {
        self.raw.clone().unwrap_or_else(|| self.body.to_string().into())
    }

    /// The request as hyper sends it.
    pub fn request(&self) -> Request<Full<Bytes>> {
        let mut builder = Request::builder()
            .method(self.method.clone())
            .uri(format!("{}{}", self.url, self.path));
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        builder.body(Full::new(self.body())).expect("a request")
    }

    /// The head as it stands on a wire of HTTP/1.1, with this length of the body.
    pub fn head(&self, length: usize) -> String {
        let authority = self.url.trim_start_matches("http://");
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {authority}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {length}\r\n\r\n"));
        text
    }

    /// Sends it and reads the answer to its end.
    pub async fn send(self) -> Answer {
        self.open().await.rest().await
    }

    /// Sends it, and reads the answer to its end unless there is none.
    pub async fn try_send(self) -> Option<Answer> {
        let request = self.request();
        let opened = tokio::time::timeout(PATIENCE, self.http.request(request)).await;
        let opened = opened.expect("an answer or an end in time").ok()?;
        Some(Opened::new(opened).rest().await)
    }

    /// Sends it and reads the head of the answer.
    pub async fn open(self) -> Opened {
        let request = self.request();
        let response = tokio::time::timeout(PATIENCE, self.http.request(request))
            .await
            .unwrap_or_else(|_| panic!("no answer to {} within {PATIENCE:?}", self.path))
            .unwrap_or_else(|error| panic!("no answer to {}: {error:?}", self.path));
        Opened::new(response)
    }

    /// Sends it whole on a socket of its own that the test holds.
    pub async fn on_a_socket(&self) -> Raw {
        let mut raw = Raw::connect(&self.url).await;
        let body = self.body();
        raw.write(self.head(body.len()).as_bytes()).await;
        raw.write(&body).await;
        raw
    }
}

/// A request for a page.
pub async fn get(http: &Http, url: &str, key: Option<&str>) -> Answer {
    let mut request = Request::get(url);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let request = request.body(Full::default()).expect("a request");
    let response = tokio::time::timeout(PATIENCE, http.request(request)).await;
    let response = response
        .expect("an answer in time")
        .unwrap_or_else(|error| panic!("{url}: {error:?}"));
    Opened::new(response).rest().await
}

/// An answer whose head has come.
pub struct Opened {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    read: Vec<u8>,
}

impl Opened {
    /// Of a response of hyper's client.
    pub fn new(response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            read: Vec::new(),
        }
    }

    /// The request id.
    pub fn id(&self) -> String {
        id(&self.headers)
    }

    /// Reads on until this text has come.
    pub async fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.read).contains(text) {
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("`{text}` did not come"));
            let frame = frame.unwrap_or_else(|| panic!("it ended before `{text}` came"));
            let data = frame
                .expect("no break")
                .into_data()
                .unwrap_or_else(|_| Bytes::new());
            self.read.extend_from_slice(&data);
        }
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> Answer {
        let mut whole = true;
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            match frame.expect("the answer ends") {
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_else(|_| Bytes::new());
                    self.read.extend_from_slice(&data);
                }
                Some(Err(_)) => {
                    whole = false;
                    break;
                }
                None => break,
            }
        }
        Answer {
            status: self.status,
            headers: self.headers,
            body: self.read.into(),
            whole,
        }
    }
}

/// An answer read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether it came to its end, by HTTP's own rules.
    pub whole: bool,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header's text; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The request id.
    pub fn id(&self) -> String {
        id(&self.headers)
    }

    /// The lab's text of a whole answer in this format.
    #[track_caller]
    pub fn said(&self, format: Format) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        let pointer = match format {
            Format::OpenAi => "/choices/0/message/content",
            Format::Anthropic => "/content/0/text",
            Format::Agent => "/reply",
        };
        let body = self.json();
        let text = body.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text in {body}")).to_owned()
    }

    /// That this is an error in the format's own words, complete and typed, and nothing of the world behind it.
    #[track_caller]
    pub fn is_error(&self, format: Format, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(self.whole, "the answer itself is whole");
        self.shows_nothing_of_the_upstream();
        let body = self.json();
        let id = self.id();
        let (sentence, content_type) = match format {
            Format::OpenAi => {
                assert_eq!(body["error"]["code"], code, "{body}");
                assert!(body["error"]["type"].is_string(), "{body}");
                (&body["error"]["message"], "application/json")
            }
            Format::Anthropic => {
                assert_eq!(body["type"], "error", "{body}");
                assert!(body["error"]["type"].is_string(), "{body}");
                assert_eq!(self.header("request-id"), id, "the header that its SDK reads");
                (&body["error"]["message"], "application/json")
            }
            Format::Agent => {
                assert_eq!(body["code"], code, "{body}");
                assert_eq!(body["status"], status, "{body}");
                (&body["detail"], "application/problem+json")
            }
        };
        assert!(
            sentence.as_str().is_some_and(|text| text.len() > 10),
            "a sentence for the caller: {body}"
        );
        assert_eq!(self.header("content-type"), content_type);
        assert_eq!(body["request_id"], id.as_str(), "{body}");
    }

    /// That this stream ended with the format's own error event and nothing that looks like an end.
    #[track_caller]
    pub fn broke_off(&self, format: Format, code: &str) {
        let text = self.text();
        assert_eq!(self.status, 200, "{text}");
        assert!(self.whole, "the error event is the last thing, not a cut: {text}");
        self.shows_nothing_of_the_upstream();
        assert!(
            !text.contains("[DONE]") && !text.contains("message_stop"),
            "an end it never had: {text}"
        );
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let (event, data) = match last.split_once("\ndata: ") {
            Some((event, data)) => (event, data),
            None => ("", last.trim_start_matches("data: ")),
        };
        let data: Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("no error event: {last}"));
        match format {
            Format::OpenAi => assert_eq!((event, &data["error"]["code"]), ("", &json!(code)), "{last}"),
            Format::Anthropic => {
                assert_eq!(
                    (event, &data["type"]),
                    ("event: error", &json!("error")),
                    "{last}"
                );
            }
            Format::Agent => assert_eq!((event, &data["code"]), ("event: error", &json!(code)), "{last}"),
        }
    }

    /// That neither body nor headers hold a page, an address or a header of the upstream's.
    #[track_caller]
    pub fn shows_nothing_of_the_upstream(&self) {
        let all = format!("{:?}\n{}", self.headers, self.text()).to_lowercase();
        for trace in [
            "<html",
            "<!doctype",
            "127.0.0.1",
            "localhost",
            "hyper",
            "os error",
            crate::gate::LAB_KEY,
        ] {
            assert!(!all.contains(trace), "`{trace}` of the upstream in {all}");
        }
        for name in ["set-cookie", "location", "server", "via"] {
            assert!(!self.headers.contains_key(name), "the upstream's `{name}`: {all}");
        }
    }
}

fn id(headers: &HeaderMap) -> String {
    let id = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    id.expect("an x-request-id").to_owned()
}

/// A socket on which a test writes what it likes.
pub struct Raw(pub TcpStream);

impl Raw {
    /// To the authority of a URL.
    pub async fn connect(url: &str) -> Self {
        let authority = url.split("://").last().unwrap_or_default();
        Self(TcpStream::connect(authority).await.expect("it listens"))
    }

    /// Writes; the other end may have gone.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = tokio::time::timeout(PATIENCE, self.0.write_all(bytes)).await;
    }

    /// Reads until this text has come; gives all that came.
    pub async fn until(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&read).contains(text) {
            let n = tokio::time::timeout(PATIENCE, self.0.read(&mut buffer)).await;
            match n.unwrap_or_else(|_| panic!("`{text}` did not come")) {
                Ok(n) if n > 0 => read.extend_from_slice(&buffer[..n]),
                _ => panic!("it ended before `{text}`: {}", String::from_utf8_lossy(&read)),
            }
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads until the other end has closed; gives all that came.
    pub async fn until_closed(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        // A reset is an end too.
        let end = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut read)).await;
        assert!(end.is_ok(), "it was never closed");
        read
    }
}
