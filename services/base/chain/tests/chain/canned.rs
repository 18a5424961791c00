//! A node that gives the same HTTP answer to everything.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// Serves until the test process ends, and returns the URL. `answer` gets the body of each request;
/// status line, headers and body are its result.
pub(crate) fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().for_each(|stream| reply(stream.unwrap(), &answer)));
    url
}

/// An answer with this status line (`200 OK`), extra header lines and body.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

/// A URL at which nobody listens.
pub(crate) fn nobody(scheme: &str) -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("{scheme}://{address}")
}

fn reply(stream: TcpStream, answer: &impl Fn(&str) -> String) {
    let mut reader = BufReader::new(&stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let _ = (&stream).write_all(answer(&String::from_utf8(body).unwrap()).as_bytes());
}
