//! The browser app and what stands in its place.

use capstan_gateway::adapters::web_app::WebApp;

use crate::edge::{Answer, Edge, Setup};

async fn built() -> Edge {
    let app = WebApp::of(&[
        ("index.html", "text/html", b"<!doctype html><title>app</title>"),
        ("assets/index-4f2a.js", "text/javascript", b"let a"),
        ("favicon.svg", "image/svg+xml", b"<svg/>"),
    ]);
    Edge::with(Setup { app, ..Setup::default() }).await
}

async fn browse(edge: &Edge, path: &str) -> Answer {
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    Answer::of(edge.http.get(edge.url(path)).header("accept", accept)).await
}

#[tokio::test]
async fn pages_get_the_index_and_files_get_themselves() {
    let edge = built().await;
    for path in ["/", "/markets/0xabc", "/users/0x1?tab=history"] {
        let answer = browse(&edge, path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "<!doctype html><title>app</title>"));
        assert_eq!(answer.header("content-type"), "text/html");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert!(answer.header("content-security-policy").starts_with("default-src 'self'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(edge.get("/").await.status, 200);
    let script = edge.get("/assets/index-4f2a.js").await;
    assert_eq!((script.status, script.text.as_str()), (200, "let a"));
    assert_eq!(script.header("content-type"), "text/javascript");
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(edge.get("/favicon.svg").await.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let edge = built().await;
    let etag = edge.get("/").await.header("etag").to_owned();
    for tags in [etag.clone(), format!("\"x\", W/{etag}")] {
        let again = Answer::of(edge.http.get(edge.url("/")).header("if-none-match", tags)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
    }
    let other = Answer::of(edge.http.get(edge.url("/")).header("if-none-match", "\"x\"")).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn the_api_and_missing_files_never_become_a_page() {
    let edge = built().await;
    for path in ["/api/nope", "/v1/nope", "/v2/markets", "/capstan.nope.v1.Nope/Do", "/assets/gone.js"] {
        let answer = browse(&edge, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["status"], "NOT_FOUND");
    }
    assert_eq!(edge.get("/nope").await.json()["error"]["code"], 404);
    assert_eq!(browse(&edge, "/../Cargo.toml").await.text, "<!doctype html><title>app</title>");
    let posted = Answer::of(edge.http.post(edge.url("/"))).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn without_the_app_the_root_says_how_to_build_it() {
    let edge = Edge::start().await;
    for path in ["/", "/markets/0x1"] {
        let answer = browse(&edge, path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert!(answer.text.contains("make web"), "{}", answer.text);
    }
}
