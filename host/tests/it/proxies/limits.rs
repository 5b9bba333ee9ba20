//! Sizes that must pass, and connections that are kept.

use super::{Site, on_both_proxies};

on_both_proxies! {
    async fn the_longest_return_path_passes_there_and_back(kind) {
        let site = Site::start(kind).await;
        let path = format!("/wiki/{}", "p".repeat(2000));
        let begun = site.begins_from("127.0.0.1", &path, "").await;
        let browser = format!("Cookie: {}\r\n", begun.cookie("__Host-vestibule_browser"));
        let callback = site.callback(&begun, "octavia").await;
        let answer = site.asks(&format!("GET {callback}"), &browser).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*path)), "{answer:?}");
        let page = site.asks(&format!("GET /login?return_to={path}"), "").await;
        assert!(page.status == 200 && page.body.contains(&path[6..]), "{page:?}");
    }

    async fn a_head_that_fits_the_server_passes(kind) {
        let site = Site::start(kind).await;
        let headers = format!("X-Long: {}\r\nX-Longer: {}\r\n", "a".repeat(5000), "b".repeat(7000));
        assert_eq!(site.asks("GET /login", &headers).await.status, 200);
    }

    async fn a_body_over_the_servers_limit_is_refused(kind) {
        let site = Site::start(kind).await;
        let body = "x".repeat(70_000);
        let headers = format!(
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        let head = site.request("POST /auth/github/begin", &headers);
        assert_eq!(site.says(&format!("{head}{body}")).await.status, 413);
    }
}

/// nginx keeps a connection to the server for 60 s where `keepalive` is set, Caddy for 120 s: whoever closes first must be
/// the proxy, or it sends a request into a connection that is being closed.
#[test]
fn behind_a_proxy_idle_connections_outlive_the_proxys_own_time_out() {
    let kept = vestibule::server::Limits::new(true).header_timeout;
    assert!(kept > std::time::Duration::from_secs(120), "{kept:?}");
}
