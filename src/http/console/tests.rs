//! Every page with something in every part: rendered, escaped, without inline script or style.

use super::samples;

#[test]
fn every_page_renders_and_shows_what_others_wrote_as_text() {
    for (name, html) in samples() {
        let html = html.unwrap();
        assert!(html.starts_with("<!doctype html>"), "{name}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("<title>"), "{name}");
        assert!(html.contains("id=\"main\""), "{name}: the skip link needs its aim");
        for forbidden in [
            "<script>",
            "alert(1)</script>",
            "<img src=x",
            "<b>",
            " style=",
            " onclick=",
            "onerror=alert(1)>",
            "javascript:",
        ] {
            assert!(!html.contains(forbidden), "{name} holds {forbidden}");
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    for (name, html) in samples() {
        let html = html.unwrap();
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            let posts = form.contains("method=\"post\"");
            assert!(!posts || name == "sign_in" || form.contains("name=\"csrf\" value=\"sample\""), "{name}: {form}");
        }
    }
}

#[test]
fn every_field_has_a_label_and_every_id_is_there_once() {
    for (name, html) in samples() {
        let html = html.unwrap();
        let ids: Vec<_> = html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| other == &id).count(), 1, "{name}: {id}");
        }
        for field in html.split("<input").skip(1).chain(html.split("<select").skip(1)) {
            let field = field.split('>').next().unwrap();
            if field.contains("type=\"hidden\"") {
                continue;
            }
            let id = field.split(" id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            assert!(html.contains(&format!("for=\"{id}\"")), "{name}: {id} has no label");
        }
    }
}
