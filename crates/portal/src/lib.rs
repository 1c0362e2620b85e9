//! What programs and people see over HTTP. So far: whether the service lives and whether it reads.
//!
//! Without login the two addresses say ok or not and nothing else: no version, no site, no meter.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether the service reads. Whoever starts it sets it.
#[derive(Debug, Clone, Default)]
pub struct Ready(Arc<AtomicBool>);

impl Ready {
    /// Says whether the service reads from now on.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }
}

/// Every URL on one page.
pub fn router(ready: Ready) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(ready)
}

/// Answers on an opened listener until told to stop; requests under way are answered first.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, ready: Ready, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router(ready)).with_graceful_shutdown(stop.cancelled_owned()).await
}

type Said = (StatusCode, [(HeaderName, &'static str); 3], &'static str);

async fn healthz() -> Said {
    said(true)
}

async fn readyz(State(ready): State<Ready>) -> Said {
    said(ready.0.load(Ordering::Relaxed))
}

fn said(good: bool) -> Said {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let (status, text) = if good {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    (status, headers, text)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn get(listener: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(listener).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_says_ok_or_not_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ready, stop) = (Ready::default(), CancellationToken::new());
        let served =
            tokio::task::JoinSet::from_iter([serve(listener, ready.clone(), stop.clone())]);
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        ready.set(true);
        assert!(get(address, "/readyz").await.ends_with("\r\n\r\nok\n"));
        assert!(get(address, "/").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        assert!(served.join_all().await.iter().all(Result::is_ok));
    }
}
