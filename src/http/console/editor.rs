//! A form that changes something: its fields with what stands in them, and beside each field what is wrong with it. What is
//! sent is read by the rules of the API, so a rule is said in the API's words.

use std::collections::BTreeMap;

use askama::Template;
use serde::{Deserialize, Serialize};

use super::components::Choice;
use super::once::Once;
use super::session::SignedIn;
use crate::http::problem::Problem;

/// What somebody typed, by the names of the fields.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Typed(BTreeMap<String, String>);

impl Typed {
    /// What stands in a field, without the blanks around it.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// The same; none when nothing was typed.
    pub fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// The form's own word, so that a second click is not a second act.
    pub fn once(&self) -> &str {
        self.text("once")
    }
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    name: &'static str,
    /// As the API calls it, which is how a refusal names it.
    param: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    /// What can be chosen; any text when empty.
    options: Vec<Choice>,
    most: u16,
    /// Whether what was typed is shown again after a refusal.
    shown_again: bool,
    fault: Option<String>,
}

impl Field {
    /// A field for any text of at most `most` characters.
    pub fn text(name: &'static str, label: &'static str, most: u16) -> Self {
        Self {
            name,
            param: name,
            label,
            hint: "",
            value: String::new(),
            options: Vec::new(),
            most,
            shown_again: true,
            fault: None,
        }
    }

    /// A field in which one of several is chosen.
    pub fn choice(name: &'static str, label: &'static str, options: Vec<Choice>) -> Self {
        Self { options, ..Self::text(name, label, 0) }
    }

    /// What stands in it now.
    #[must_use]
    pub fn holding(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// What the API calls it, where that is something else.
    #[must_use]
    pub fn named(self, param: &'static str) -> Self {
        Self { param, ..self }
    }

    /// What helps to fill it in.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// What is typed here by mistake must not be shown to whoever looks next.
    #[must_use]
    pub fn never_shown_again(self) -> Self {
        Self { shown_again: false, ..self }
    }

    /// Whether a refusal that names `param` is about this field.
    fn is_meant(&self, param: &str) -> bool {
        param.strip_prefix(self.param).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    fn hold(&mut self, value: &str) {
        if !self.shown_again {
            return;
        }
        value.clone_into(&mut self.value);
        for option in &mut self.options {
            option.chosen = option.value == value;
        }
    }
}

/// A form as it is shown.
#[derive(Debug, Clone, Template)]
#[template(path = "components/editor.html")]
pub struct Editor {
    /// Apart from the other forms of the page.
    name: &'static str,
    action: String,
    button: &'static str,
    csrf: String,
    once: String,
    fault: Option<String>,
    fields: Vec<Field>,
}

impl Editor {
    /// A form that is sent to `action`.
    pub fn new(name: &'static str, action: String, button: &'static str, fields: Vec<Field>) -> Self {
        let (csrf, once) = ("sample".to_owned(), "sample".to_owned());
        Self { name, action, button, csrf, once, fault: None, fields }
    }

    /// The form for this reader, good for one act.
    #[must_use]
    pub fn shown_to(self, who: &SignedIn) -> Self {
        Self { csrf: who.csrf.clone(), once: Once::word(), ..self }
    }

    /// The same with what was typed, and what is wrong with it at the field that is meant, or above all when none is.
    #[must_use]
    pub fn refused(mut self, typed: &Typed, problem: &Problem) -> Self {
        for field in &mut self.fields {
            field.hold(typed.text(field.name));
        }
        let param = problem.field().unwrap_or_default();
        match self.fields.iter_mut().find(|field| field.is_meant(param)) {
            Some(field) => field.fault = Some(problem.detail().to_owned()),
            None => self.fault = Some(problem.detail().to_owned()),
        }
        self
    }
}

impl askama::filters::HtmlSafe for Editor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stands_beside_its_field_and_keeps_what_was_typed_elsewhere() {
        let fields = vec![
            Field::text("percent", "Share", 20).named("fee.ppm"),
            Field::text("fixed", "Fixed", 20).named("fee.fixed"),
            Field::text("token", "Token", 20).never_shown_again(),
        ];
        let form = || Editor::new("fee", "/x".into(), "Save", fields.clone());
        let typed = ["percent", "fixed", "token"].map(|name| (name.to_owned(), format!(" <{name}> ")));
        let typed = Typed(BTreeMap::from(typed));
        let html = form().refused(&typed, &Problem::invalid("fee.fixed.USD", "No <amount>.")).to_string();
        assert!(html.contains("id=\"fee-fixed-fault\"") && html.contains("No &#60;amount&#62;."), "{html}");
        assert!(html.contains("&#60;percent&#62;") && !html.contains("&#60;token&#62;"), "{html}");
        assert_eq!(html.matches("aria-invalid").count(), 1);
        let html = form().refused(&typed, &Problem::invalid("other", "Not so.")).to_string();
        assert!(html.contains("role=\"alert\">Not so.") && !html.contains("aria-invalid"), "{html}");
    }
}
