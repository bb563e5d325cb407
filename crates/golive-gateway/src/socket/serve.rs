//! The listening side of the socket.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::{Zeroize, Zeroizing};

use super::handle::{Answer, Ask, handle};
use crate::gateway::{Gateway, us};

const QUESTION_MAX: u64 = 64 * 1024;
const CONNECTIONS_MAX: usize = 32;
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Why the socket cannot open.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The system refused.
    #[error("cannot open the socket {path}")]
    Bind {
        /// The socket.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
}

/// Where the socket of a store is: beside it.
#[must_use]
pub fn path_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}

/// Opens the socket, mode 0600. The caller holds the store's lock, so a socket that is there already is a
/// leftover of a process that died.
///
/// # Errors
/// See [`SocketError`].
pub fn listen(path: &Path) -> Result<UnixListener, SocketError> {
    let fail = |source| SocketError::Bind {
        path: path.to_owned(),
        source,
    };
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    Ok(listener)
}

/// Answers until `stop`, then takes the socket away.
pub async fn serve(listener: UnixListener, path: PathBuf, gateway: Arc<Gateway>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Not the gateway's tasks: a drain must not wait for an operator who is silent.
    let tasks = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the socket");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let (gateway, stop) = (Arc::clone(&gateway), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                done = converse(stream, &gateway) => if let Err(error) = done {
                    tracing::debug!(%error, "a conversation on the socket ended early");
                },
            }
            drop(place);
        });
    }
    tasks.close();
    tasks.wait().await; // each ends at `stop`
    // Left behind it would only be taken for a dead process's.
    let _ = std::fs::remove_file(path);
}

async fn converse(stream: UnixStream, gateway: &Gateway) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    // Wiped: a question may hold a master key.
    let mut line = Zeroizing::new(Vec::with_capacity(4096));
    loop {
        line.zeroize();
        let mut bounded = (&mut stream).take(QUESTION_MAX);
        let read = bounded.read_until(b'\n', &mut line);
        let n = tokio::time::timeout(SILENCE_MAX, read)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        if n == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_slice::<Ask>(&line) {
            Ok(ask) => {
                let config = Arc::clone(&gateway.runtime().config);
                handle(ask, &gateway.store, &config, Some(gateway), us(gateway.now())).await
            }
            Err(error) => Answer::Error(format!(
                "this gateway does not understand the question ({error}); is it another version?"
            )),
        };
        let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
        text.push(b'\n');
        stream.get_mut().write_all(&text).await?;
    }
}
