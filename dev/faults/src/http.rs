//! As much of HTTP/1.1 as clients of a node speak, so that an answer can be broken anywhere.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Requests of tests are small; more is a mistake.
const LONGEST_REQUEST: usize = 4 << 20;
const CHUNK: [u8; 16 << 10] = [b' '; 16 << 10];

/// One request.
pub(crate) struct Request {
    /// Request line and headers, with the empty line at their end.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads the next request; absent when the client has gone.
    pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(None);
            }
        }
        let length = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        if length > LONGEST_REQUEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the request is too long"));
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        Ok(Some(Self { head, body }))
    }

    pub(crate) fn is_websocket(&self) -> bool {
        header(&self.head, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }
}

/// Answers with this status line and body; `headers` are whole lines.
pub(crate) async fn answer(
    stream: &mut BufReader<TcpStream>,
    status: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    let mut whole = head.into_bytes();
    whole.extend_from_slice(body);
    stream.write_all(&whole).await
}

/// Answers with so many blanks, of which few are in memory at a time, and ends the connection.
pub(crate) async fn flood(stream: &mut BufReader<TcpStream>, mut bytes: u64) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
    while bytes > 0 {
        let part = usize::try_from(bytes).unwrap_or(usize::MAX).min(CHUNK.len());
        stream.write_all(CHUNK.get(..part).unwrap_or(&CHUNK)).await?;
        bytes = bytes.saturating_sub(part as u64);
    }
    Ok(())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}
