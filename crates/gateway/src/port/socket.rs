use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use catalog::Host;
use rustix::net::sockopt::{
    set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl,
    set_tcp_user_timeout,
};
use tokio::net::{TcpStream, lookup_host};

/// Patience for a converter to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection on which nothing is heard is tried after this long, then again and again, and is
/// given up after some trials.
const IDLE: Duration = Duration::from_secs(10);
const TRIAL: Duration = Duration::from_secs(5);
const TRIALS: u32 = 3;
/// Bytes that the other end did not confirm for this long, in milliseconds, end the connection.
const UNCONFIRMED_MS: u32 = 10_000;

/// Connects to a host, at an address that is allowed.
pub(super) async fn connect(
    host: &Host,
    allows: impl Fn(SocketAddr) -> bool,
) -> io::Result<TcpStream> {
    let found = tokio::time::timeout(CONNECT, reach(host, allows));
    let stream = found.await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("{host} does not answer"))
    })??;
    stream.set_nodelay(true)?;
    notice_its_end(&stream)?;
    Ok(stream)
}

/// A converter that lost its power says nothing any more: without this, a connection to it looks
/// well for hours.
fn notice_its_end(stream: &TcpStream) -> io::Result<()> {
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, IDLE)?;
    set_tcp_keepintvl(stream, TRIAL)?;
    set_tcp_keepcnt(stream, TRIALS)?;
    set_tcp_user_timeout(stream, UNCONFIRMED_MS)?;
    Ok(())
}

/// Resolves the name and dials. Either may take longer than anybody waits.
async fn reach(host: &Host, allows: impl Fn(SocketAddr) -> bool) -> io::Result<TcpStream> {
    let resolved = lookup_host((host.name.as_str(), host.tcp_port)).await;
    let addresses: Vec<SocketAddr> = resolved
        .map_err(|error| io::Error::new(error.kind(), format!("{host} is not known: {error}")))?
        .collect();
    // A name is as good as the worst of its addresses.
    if !addresses.iter().all(|address| allows(*address)) {
        let text = format!("{host} is outside the networks and ports that the box file allows");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    TcpStream::connect(addresses.as_slice())
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{host} cannot be reached: {error}")))
}
