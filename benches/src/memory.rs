//! Resident memory of `golive serve`: idle, with many streams open at the same time, and after they have ended.
//!
//! Never: silent streams; each gets a piece a second, as a slow model writes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use golive_load::http::{Content, Examine, Pool, PoolOptions};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::Failed;
use crate::client::Route;
use crate::process;
use crate::report::table;
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::upstream::OPEN;

/// Opened at the same time; then the next. All at once would measure a storm of connections.
const WAVE: usize = 50;
/// Idle for so long before it is read.
const IDLE: Duration = Duration::from_secs(2);
/// Open for so long before it is read: each stream has had several pieces.
const HELD: Duration = Duration::from_secs(5);
/// What takes longer than this never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory at four moments, KiB.
#[derive(Debug, Serialize)]
pub struct Memory {
    streams: usize,
    idle_kib: u64,
    streaming_kib: u64,
    after_kib: u64,
    /// The most in the whole time.
    most_kib: u64,
    /// What one open stream takes, with both its connections.
    per_stream_kib: f64,
}

/// Measures it.
pub async fn measure(stage: &Stage, sizes: &Sizes) -> Result<Memory, Failed> {
    let home = stage.home(true).await?;
    let golive = home.start().await?;
    let process = golive.server.id();
    tokio::time::sleep(IDLE).await;
    let (idle_kib, files) = (process::resident_kib(process)?, process::open_files(process)?);

    let route = Route::new("golive", golive.address, &golive.key).await?;
    let mut streams = Streams::open(&route, sizes.streams).await?;
    tokio::time::sleep(HELD).await;
    streams.ended()?;
    let streaming_kib = process::resident_kib(process)?;

    streams.close().await;
    until("the streams' connections are closed", || {
        // A few connections to the upstream stay for the next calls.
        Ok(process::open_files(process)? <= files + sizes.streams / 4)
    })
    .await?;
    tokio::time::sleep(HELD).await;
    let after_kib = process::resident_kib(process)?;
    let most_kib = process::resident_most_kib(process)?;
    golive.server.stop().await?;
    Ok(Memory {
        streams: sizes.streams,
        idle_kib,
        streaming_kib,
        after_kib,
        most_kib,
        per_stream_kib: streaming_kib.saturating_sub(idle_kib) as f64 / sizes.streams as f64,
    })
}

/// Streams that are read as they come.
struct Streams {
    tasks: JoinSet<String>,
    pool: Arc<Pool>,
}

impl Streams {
    /// Opens them and waits until each has sent its first piece.
    async fn open(route: &Route, count: usize) -> Result<Self, Failed> {
        let begun = Arc::new(AtomicUsize::new(0));
        let pool = Arc::new(Pool::new(route.endpoint.clone(), PoolOptions::default()));
        let request = route.chat(OPEN, true);
        let mut streams = Self {
            tasks: JoinSet::new(),
            pool,
        };
        while streams.tasks.len() < count {
            for number in streams.tasks.len()..count.min(streams.tasks.len() + WAVE) {
                let (pool, request) = (Arc::clone(&streams.pool), request(number as u64));
                let mut examine = Begun(Some(Arc::clone(&begun)));
                streams.tasks.spawn(async move {
                    let reply = pool.exchange(request, &mut examine).await;
                    reply
                        .failure
                        .map_or("it ended early".to_owned(), |why| why.to_string())
                });
            }
            let opened = streams.tasks.len();
            until("the streams have begun", || {
                streams.ended()?;
                Ok(begun.load(Ordering::Relaxed) >= opened)
            })
            .await?;
        }
        Ok(streams)
    }

    /// An error if one has ended; none should.
    fn ended(&mut self) -> Result<(), Failed> {
        match self.tasks.try_join_next() {
            None => Ok(()),
            Some(Ok(why)) => Err(format!("a stream did not stay open: {why}").into()),
            Some(Err(panicked)) => Err(panicked.into()),
        }
    }

    /// Hangs up on all.
    async fn close(mut self) {
        self.tasks.shutdown().await;
        self.pool.close().await;
    }
}

/// Counts a stream when its first piece comes.
struct Begun(Option<Arc<AtomicUsize>>);

impl Examine for Begun {
    fn piece(&mut self, _: &Bytes) -> Content {
        if let Some(begun) = self.0.take() {
            begun.fetch_add(1, Ordering::Relaxed);
        }
        Content::Useful
    }
}

/// Looks again and again until it is so.
async fn until(what: &str, mut look: impl FnMut() -> Result<bool, Failed>) -> Result<(), Failed> {
    let seen = async {
        while !look()? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .unwrap_or_else(|_| Err(format!("never within {PATIENCE:?}: {what}").into()))
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
        let streaming = format!("{} open streams, a piece a second each", self.streams);
        let rows = vec![
            vec!["idle, before any request".to_owned(), mib(self.idle_kib)],
            vec![streaming, mib(self.streaming_kib)],
            vec!["5 s after they have ended".to_owned(), mib(self.after_kib)],
            vec!["the most in between".to_owned(), mib(self.most_kib)],
        ];
        writeln!(f, "{}", table(&["", "MiB resident"], rows))?;
        writeln!(f, "{:.1} KiB for each open stream", self.per_stream_kib)
    }
}
