//! What Rhai's parser says, in words that help the author of a flow.

use rhai::{LexError, ParseErrorType};

use super::problem::{ProblemKind, arguments, closed};

const STATEMENTS: [&str; 14] = [
    "let", "const", "while", "loop", "do", "for", "return", "throw", "break", "continue", "try", "fn",
    "private", "until",
];

pub(super) fn kind_of_parse_error(error: &ParseErrorType, word: &str, expression: bool) -> ProblemKind {
    let reserved = match error {
        ParseErrorType::Reserved(reserved) => reserved.as_str(),
        _ => word,
    };
    if let Some(why) = closed(reserved) {
        return ProblemKind::Closed { word: reserved.to_owned(), why };
    }
    if word == "${" {
        return ProblemKind::Template;
    }
    if expression {
        if STATEMENTS.contains(&word) {
            return ProblemKind::Statement { word: word.to_owned() };
        }
        if word == ";" {
            return ProblemKind::TwoStatements;
        }
        if word.ends_with('=') && !matches!(word, "==" | "!=" | "<=" | ">=" | "===" | "!==") {
            return ProblemKind::Assignment { operator: word.to_owned() };
        }
    }
    match error {
        ParseErrorType::Reserved(word) => ProblemKind::Reserved { word: word.clone() },
        ParseErrorType::VariableUndefined(name) => {
            ProblemKind::UnknownName { name: name.clone(), nearest: None, function: false }
        }
        ParseErrorType::ModuleUndefined(word) => {
            ProblemKind::Closed { word: format!("{word}::"), why: "there are no modules" }
        }
        ParseErrorType::AssignmentToConstant(_) => ProblemKind::Assignment { operator: "=".to_owned() },
        other => syntax(other, expression),
    }
}

/// Rhai's grammar in words.
fn syntax(error: &ParseErrorType, expression: bool) -> ProblemKind {
    let words = match error {
        ParseErrorType::UnexpectedEOF => {
            format!("the {} ends too early", if expression { "expression" } else { "file" })
        }
        ParseErrorType::BadInput(LexError::UnexpectedInput(input)) => format!("`{input}` cannot stand here"),
        ParseErrorType::UnknownOperator(operator) => format!("`{operator}` is no operator"),
        ParseErrorType::BadInput(LexError::UnterminatedString) => "this text is never closed".to_owned(),
        ParseErrorType::BadInput(LexError::MalformedEscapeSequence(sequence)) => {
            format!("`{sequence}` is no escape sequence")
        }
        ParseErrorType::BadInput(LexError::MalformedChar(text)) => format!("`'{text}'` is not one character"),
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, words)) if words.is_empty() => {
            format!("`{symbol}` cannot stand here")
        }
        ParseErrorType::MissingToken(token, what) => format!("`{token}` is missing {}", ticks(what)),
        ParseErrorType::DuplicatedProperty(name) => format!("the map has the key `{name}` twice"),
        ParseErrorType::ExprTooDeep => "too many expressions inside each other".to_owned(),
        ParseErrorType::LiteralTooLarge(..) => "this value is too large to be written out".to_owned(),
        ParseErrorType::FnDuplicatedDefinition(name, count) => {
            format!("there is a function `{name}` with {} already", arguments(*count))
        }
        other => {
            let mut words = ticks(&other.to_string());
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            words
        }
    };
    ProblemKind::Syntax { words, help: help(error, expression) }
}

/// What to do about it; in an expression there is always something to say.
fn help(error: &ParseErrorType, expression: bool) -> Option<String> {
    Some(match error {
        ParseErrorType::UnexpectedEOF if expression => {
            "a value belongs behind an operator, and every bracket is closed".to_owned()
        }
        ParseErrorType::UnexpectedEOF => "close every `{`, `(`, `[` and text".to_owned(),
        ParseErrorType::BadInput(LexError::UnexpectedInput(input)) => match input.as_str() {
            "and" => "write `&&`".to_owned(),
            "or" => "write `||`".to_owned(),
            _ if !input.is_ascii() => "names are made of `a` to `z`, `A` to `Z`, digits and `_`".to_owned(),
            _ => "between two values stands an operator, such as `==` or `+`".to_owned(),
        },
        ParseErrorType::UnknownOperator(_) => {
            "operators are `+ - * / % ** == != < <= > >= && || !`".to_owned()
        }
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            "end it with the sign that it begins with".to_owned()
        }
        ParseErrorType::BadInput(LexError::MalformedEscapeSequence(_)) => {
            "write a backslash as `\\\\`, or put the text between back-ticks".to_owned()
        }
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => "a text stands between `\"`".to_owned(),
        ParseErrorType::MissingToken(token, _) if token == ";" => {
            "end the statement with `;`, or the block with `}`".to_owned()
        }
        ParseErrorType::MissingToken(token, _) => format!("add `{token}`"),
        ParseErrorType::DuplicatedProperty(_) => "keep one of them".to_owned(),
        ParseErrorType::ExprTooDeep => "cut it into smaller functions".to_owned(),
        ParseErrorType::FnDuplicatedDefinition(..) => "rename one of them".to_owned(),
        _ if expression => {
            "an expression is a value, a call or a comparison, such as `rssi != 99`".to_owned()
        }
        _ => return None,
    })
}

/// Rhai quotes with `'`, we with back-ticks.
fn ticks(words: &str) -> String {
    words.replace('\'', "`")
}
