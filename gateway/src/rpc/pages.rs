//! The browser app: its files, its pages, and what to say when it was not built.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::layers::RouteLabel;
use crate::{
    adapters::web_app::{File, WebApp},
    domain::template,
    error::Error,
};

const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
    base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <title>Capstan</title></head>\n<body><h1>Capstan is running</h1>\n\
    <p>This gateway was built without the browser app. To add it, run <code>make web</code> \
    in the repository and build again.</p>\n\
    <p>The API is there: <a href=\"/api/status\">/api/status</a>, \
    <a href=\"/api/markets\">/api/markets</a>.</p></body></html>\n";

/// Answers a path that is not part of the API with a file or the page of the app.
///
/// # Errors
/// When there is no such file and nobody asked for a page.
pub(super) fn answer(
    app: &WebApp,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, Error> {
    if is_api(path) {
        return Err(Error::UnknownRoute);
    }
    let name = template::decode(path.trim_start_matches('/')).map_err(|_| Error::UnknownRoute)?;
    let is_root = name.is_empty();
    let file = if is_root { app.index() } else { app.file(&name) };
    let is_page = is_root || (wants_html(headers) && !name.starts_with("assets/"));
    if file.is_none() && !is_page {
        return Err(Error::UnknownRoute);
    }
    if method != Method::GET && method != Method::HEAD {
        let allow = vec!["GET".to_owned(), "HEAD".to_owned()];
        return Err(Error::MethodNotAllowed { allow });
    }
    let mut response = match file.or_else(|| app.index()) {
        Some(file) => serve(file, &name, headers),
        None => html(Bytes::from_static(NOT_BUILT.as_bytes())),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response.extensions_mut().insert(RouteLabel("app".to_owned()));
    Ok(response)
}

// A mistyped API path must not get a page that parses as nothing.
fn is_api(path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').split('/');
    let first = segments.next().unwrap_or_default();
    let version = first.strip_prefix('v').unwrap_or_default();
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let is_service = first.contains('.') && segments.next().is_some();
    first == "api" || is_version || is_service
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn serve(file: &File, name: &str, headers: &HeaderMap) -> Response<Body> {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|tags| {
        let tags = tags.to_str().unwrap_or_default();
        tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag)
    });
    let data = match &file.data {
        std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
        std::borrow::Cow::Owned(data) => Bytes::copy_from_slice(data),
    };
    let mut response = Response::new(if known { Body::empty() } else { Body::from(data) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    // Vite puts a hash of the content into the names of what it places there.
    let is_hashed = name.starts_with("assets/");
    let cache = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let head = response.headers_mut();
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    head.extend(HeaderValue::from_str(&file.etag).map(|etag| (header::ETAG, etag)));
    head.extend(HeaderValue::from_str(&file.mime).map(|mime| (header::CONTENT_TYPE, mime)));
    response
}

fn html(page: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
