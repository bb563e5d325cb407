//! The other end of the socket: what commands use while a gateway holds the store.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::handle::{Answer, Ask};

/// A page of the ledger is the largest answer there is.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;
/// A gateway answers in milliseconds; one that does not is hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// What reads the whole ledger takes as long as the ledger is large.
const COUNTING: Duration = Duration::from_secs(600);

/// Why a gateway could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No gateway listens there.
    #[error("no gateway answers at {path}")]
    NoGateway {
        /// The socket.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The connection broke or fell silent.
    #[error("the gateway at {path} did not answer: {why}")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What happened.
        why: String,
    },
    /// The gateway refused.
    #[error("{0}")]
    Refused(String),
}

/// A connection to a running gateway.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`ClientError::NoGateway`] when nobody listens: the caller may then open the store itself.
    pub async fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|source| ClientError::NoGateway {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            stream: BufReader::new(stream),
            path: path.to_owned(),
        })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The gateway is gone, hung, or says no.
    pub async fn ask(&mut self, ask: &Ask) -> Result<serde_json::Value, ClientError> {
        let patience = match ask {
            Ask::SealStatus {} | Ask::Costs(_) => COUNTING,
            _ => PATIENCE,
        };
        self.ask_for(ask, patience).await
    }

    /// The same for a question whose answer takes its time.
    ///
    /// # Errors
    /// As [`Client::ask`], after `patience`.
    pub async fn ask_for(&mut self, ask: &Ask, patience: Duration) -> Result<serde_json::Value, ClientError> {
        let path = self.path.clone();
        let broken = |why: String| ClientError::Broken {
            path: path.clone(),
            why,
        };
        // Wiped, and written in one piece: a question may hold a master key.
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer(&mut *line, ask).map_err(|e| broken(e.to_string()))?;
        line.push(b'\n');
        let answer = tokio::time::timeout(patience, async {
            self.stream.get_mut().write_all(&line).await?;
            let mut answer = Vec::new();
            (&mut self.stream)
                .take(ANSWER_MAX)
                .read_until(b'\n', &mut answer)
                .await?;
            Ok::<_, io::Error>(answer)
        })
        .await
        .map_err(|_| broken(format!("nothing came within {} s", patience.as_secs())))?
        .map_err(|e| broken(e.to_string()))?;
        if answer.is_empty() {
            return Err(broken("it closed the connection".to_owned()));
        }
        match serde_json::from_slice(&answer).map_err(|e| broken(e.to_string()))? {
            Answer::Ok(value) => Ok(value),
            Answer::Error(why) => Err(ClientError::Refused(why)),
        }
    }
}
