//! A client that shows what a library hides: where an answer was cut, and whether by FIN or RST.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use golive_lab::{Arrival, Lab, LabOptions, Query, Scenario, ScenarioProvider, Script, State};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No test waits longer for a state that should come at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[expect(
    clippy::disallowed_methods,
    reason = "a test is a driver: it measures the lab from outside"
)]
pub fn now() -> Instant {
    Instant::now()
}

pub async fn lab() -> Lab {
    Lab::start(LabOptions::default()).await.unwrap()
}

/// A lab with a provider `own` on a port of its own.
pub async fn lab_with_own_port() -> (Lab, SocketAddr) {
    let own = ("own".to_owned(), SocketAddr::from(([127, 0, 0, 1], 0)));
    let lab = Lab::start(LabOptions {
        providers: vec![own],
        ..LabOptions::default()
    })
    .await
    .unwrap();
    let addr = lab.provider_url("own").unwrap()["http://".len()..]
        .parse()
        .unwrap();
    (lab, addr)
}

pub async fn lab_scripted(script: Script) -> Lab {
    let mut scenario = Scenario::default();
    scenario
        .providers
        .insert("default".into(), ScenarioProvider { listen: None, script });
    Lab::start(LabOptions {
        script: scenario,
        ..LabOptions::default()
    })
    .await
    .unwrap()
}

pub fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello there"}]})
}

pub fn message(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 50, "stream": stream,
           "messages": [{"role": "user", "content": "Hello there"}]})
}

/// An answer, as far as it came.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The whole body was there.
    pub complete: bool,
    /// The connection ended with a RST.
    pub reset: bool,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The `data` of each event.
    pub fn events(&self) -> Vec<String> {
        let text = self.text();
        text.split("\n\n")
            .filter(|event| !event.is_empty())
            .filter_map(|event| {
                event
                    .lines()
                    .find_map(|line| line.strip_prefix("data: "))
                    .map(str::to_owned)
            })
            .collect()
    }
}

pub async fn send(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-length: {}\r\ncontent-type: application/json\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

pub async fn post(lab: &Lab, path: &str, body: &Value) -> Got {
    let anthropic = if path.ends_with("/messages") {
        "anthropic-version: 2023-06-01\r\n"
    } else {
        ""
    };
    let stream = send(lab.addr(), "POST", path, anthropic, &body.to_string()).await;
    receive(stream).await
}

pub async fn get(addr: SocketAddr, path: &str) -> Got {
    receive(send(addr, "GET", path, "", "").await).await
}

/// Reads one answer to its end or to the connection's.
pub async fn receive(mut stream: TcpStream) -> Got {
    let mut bytes = Vec::new();
    let mut reset = false;
    let mut part = vec![0; 64 << 10];
    let read = async {
        loop {
            if let Some(got) = parse(&bytes).filter(|got| got.complete) {
                return Some(got);
            }
            match stream.read(&mut part).await {
                Ok(0) => return parse(&bytes),
                Ok(n) => bytes.extend_from_slice(&part[..n]),
                Err(_) => {
                    reset = true;
                    return parse(&bytes);
                }
            }
        }
    };
    let got = tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the answer neither came nor ended");
    let nothing = Got {
        status: 0,
        headers: Vec::new(),
        body: Vec::new(),
        complete: false,
        reset,
    };
    got.map(|got| Got { reset, ..got }).unwrap_or(nothing)
}

/// What stands in the bytes so far, once the head does.
pub fn parse(bytes: &[u8]) -> Option<Got> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let header = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    let (body, complete) = match header("content-length") {
        Some(length) => (rest.to_vec(), rest.len() == length.parse::<usize>().unwrap()),
        None => dechunk(rest),
    };
    Some(Got {
        status,
        headers,
        body,
        complete,
        reset: false,
    })
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let data = &rest[line + 2..];
        body.extend_from_slice(&data[..size.min(data.len())]);
        if data.len() < size + 2 {
            break;
        }
        rest = &data[size + 2..];
    }
    (body, false)
}

/// Reads until the body so far holds a text.
pub async fn read_until(stream: &mut TcpStream, text: &str) {
    let mut bytes = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&bytes).contains(text) {
            let mut part = [0; 4096];
            let n = stream.read(&mut part).await.unwrap();
            assert_ne!(n, 0, "closed before `{text}`");
            bytes.extend_from_slice(&part[..n]);
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the text did not come");
}

/// The first arrival that has come so far.
pub async fn arrival(lab: &Lab, state: State) -> Arrival {
    let page = lab
        .timeline()
        .wait(&Query {
            state,
            wait: PATIENCE,
            ..Query::default()
        })
        .await;
    page.arrivals.into_iter().next().expect("no arrival came so far")
}
