//! Pages as text.

use std::fmt::Write as _;

/// A page that is being written. What is put in as text is shown as it is.
pub(super) struct Page {
    html: String,
}

/// What is in a cell of a table.
pub(super) enum Cell {
    Text(String),
    /// A text that leads to an address.
    Link(String, String),
    /// Several below each other.
    All(Vec<Cell>),
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let title = escaped(title);
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n\
             body {{ font-family: sans-serif; margin: 2em }}\n\
             table {{ border-collapse: collapse }}\n\
             th, td {{ border: 1px solid #ccc; padding: 0.3em 0.8em; text-align: left; vertical-align: top }}\n\
             </style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        Self { html }
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.add(format_args!("<h2>{}</h2>\n", escaped(text)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.add(format_args!("<p>{}</p>\n", escaped(text)));
    }

    pub(super) fn table(&mut self, head: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) {
        self.html.push_str("<table>\n<tr>");
        for name in head {
            self.add(format_args!("<th>{}</th>", escaped(name)));
        }
        self.html.push_str("</tr>\n");
        for row in rows {
            self.html.push_str("<tr>");
            for cell in row {
                self.add(format_args!("<td>{}</td>", cell.html()));
            }
            self.html.push_str("</tr>\n");
        }
        self.html.push_str("</table>\n");
    }

    pub(super) fn finish(mut self) -> String {
        self.html.push_str("</body>\n</html>\n");
        self.html
    }

    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.html.write_fmt(text).expect("writing to a string succeeds");
    }
}

impl Cell {
    pub(super) fn text(text: &impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(super) fn link(text: &impl ToString, to: &impl ToString) -> Self {
        Self::Link(text.to_string(), to.to_string())
    }

    fn html(&self) -> String {
        match self {
            Self::Text(text) => escaped(text),
            Self::Link(text, to) => format!("<a href=\"{}\">{}</a>", escaped(to), escaped(text)),
            Self::All(cells) => cells.iter().map(Self::html).collect::<Vec<_>>().join("<br>"),
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
