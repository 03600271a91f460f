//! Command handlers and their station.

use super::*;

/// Notes what a handler asked for.
#[derive(Default)]
struct Notes(std::cell::RefCell<Vec<String>>);

impl Station for Notes {
    fn at(&self, line: &str, pattern: Option<&str>) -> Result<Value, String> {
        self.0.borrow_mut().push(format!("at {line} {}", pattern.unwrap_or("-")));
        parse_json(r#"{"rssi":17}"#).map_err(|error| error.to_string())
    }
    fn run(&self, flow: &str, with: &Value) -> Result<Value, String> {
        Err(format!("no flow `{flow}` for {}", display(with)))
    }
    fn publish(&self, topic: &str, value: &Value) -> Result<(), String> {
        self.0.borrow_mut().push(format!("publish {topic} {}", display(value)));
        Ok(())
    }
    fn after(&self, delay: &str, flow: &str) -> Result<(), String> {
        self.0.borrow_mut().push(format!("after {delay} {flow}"));
        Ok(())
    }
    fn state(&self, name: &str) -> Result<Value, String> {
        Ok(Value::from(format!("the {name}")))
    }
    fn set_state(&self, name: &str, value: &Value) -> Result<(), String> {
        self.0.borrow_mut().push(format!("{name} := {}", display(value)));
        Ok(())
    }
}

#[test]
fn handlers_reach_their_station() {
    let host = Host::new();
    let file = host
        .load_handlers(
            "commands.rhai",
            "fn later(params) { after(`${params.seconds}s`, \"off\"); #{ done: true } }
fn remember(params) { state.set(\"pause\", params.seconds); state.pause }
fn measure(params) { let answer = at(\"AT+CSQ\", \"+CSQ: {rssi:int},{}\"); dbm(answer.rssi) }
fn other(params) { publish(\"topic\", params); run(\"flow\", #{ a: 1 }) }",
        )
        .unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    let params = [parse_json(r#"{"seconds":300}"#).unwrap()];
    let call = |name: &str| {
        host.call(&hooks, name, &params).map_or_else(|error| error.to_string(), |value| display(&value))
    };
    assert_eq!(call("later"), "`after` works only in a handler of a running station");
    assert_eq!(call("remember"), "`state` works only in a handler of a running station");
    let notes = std::rc::Rc::new(Notes::default());
    host.set_station(Some(notes.clone()));
    assert_eq!(call("later"), r#"{"done":true}"#);
    assert_eq!(call("remember"), "the pause");
    assert_eq!(call("measure"), "-79");
    assert_eq!(call("other"), r#"no flow `flow` for {"a":1}"#);
    assert_eq!(
        notes.0.take(),
        [
            "after 300s off",
            "pause := 300",
            "at AT+CSQ +CSQ: {rssi:int},{}",
            r#"publish topic {"seconds":300}"#
        ]
    );
}

/// Runs a flow that evaluates an expression of its own, with the same host.
struct Inner(std::rc::Rc<Host>);

impl Station for Inner {
    fn at(&self, _: &str, _: Option<&str>) -> Result<Value, String> {
        Ok(Value::UNIT)
    }
    fn run(&self, _: &str, _: &Value) -> Result<Value, String> {
        let expression =
            self.0.compile("1 + 1", &[], &Hooks::default()).map_err(|problem| problem.to_string())?;
        self.0.eval(&expression, &[]).map_err(|error| error.to_string())
    }
    fn publish(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }
    fn after(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn state(&self, _: &str) -> Result<Value, String> {
        Ok(Value::UNIT)
    }
    fn set_state(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn what_runs_inside_a_handler_counts_as_the_handlers() {
    let host = std::rc::Rc::new(Host::new());
    let file = host
        .load_handlers(FILE, "fn once(p) { run(\"f\") } fn for_ever(p) { loop { run(\"f\"); } }")
        .unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    host.set_station(Some(std::rc::Rc::new(Inner(std::rc::Rc::clone(&host)))));
    assert_eq!(display(&host.call(&hooks, "once", &[Value::UNIT]).unwrap()), "2");
    let error = host.call(&hooks, "for_ever", &[Value::UNIT]).unwrap_err();
    assert_eq!(error.to_string(), "more than 200000 operations");
    host.set_station(None);
}

#[test]
fn what_scripts_name_literally_is_known() {
    let host = Host::new();
    let source = r#"fn a(p) { state.one.two; state["three"]; state.get("four"); state.set("five", p.x) }
fn b(p) { run("six"); run("seven", #{}); after("1s", "eight"); run(p.name); p.state.nine }
fn c(state) { state.ten }"#;
    let file = host.load_handlers("commands.rhai", source).unwrap();
    let told: Vec<(&str, &str)> =
        file.mentions().iter().map(|mention| (&*mention.name, &source[mention.at.clone()])).collect();
    assert_eq!(
        told,
        [
            ("one", "one"),
            ("three", "\"three\""),
            ("four", "\"four\""),
            ("five", "\"five\""),
            ("six", "\"six\""),
            ("seven", "\"seven\""),
            ("eight", "\"eight\""),
        ]
    );
    let with_params = |name: &str| {
        let mention = file.mentions().iter().find(|mention| mention.name == name).unwrap();
        mention.what == Mentioned::Flow { with_params: true }
    };
    assert!(with_params("seven") && !with_params("six"));
    let expression =
        host.compile("state.a + [1].map(|x| state.b)[0]", &["state"], &Hooks::default()).unwrap();
    let names: Vec<&str> = expression.mentions().iter().map(|mention| &*mention.name).collect();
    assert_eq!(names, ["a", "b"]);
}

/// Dies in the middle of a handler.
struct Mortal;

impl Station for Mortal {
    fn at(&self, _: &str, _: Option<&str>) -> Result<Value, String> {
        std::panic::resume_unwind(Box::new("killed"))
    }
    fn run(&self, _: &str, _: &Value) -> Result<Value, String> {
        Ok(Value::UNIT)
    }
    fn publish(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }
    fn after(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn state(&self, _: &str) -> Result<Value, String> {
        Ok(Value::UNIT)
    }
    fn set_state(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn operations_are_counted_from_zero_after_a_handler_was_killed() {
    let host = Host::new();
    let file = host.load_handlers("commands.rhai", "fn dies(params) { at(\"AT\") }").unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    host.set_station(Some(std::rc::Rc::new(Mortal)));
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        host.call(&hooks, "dies", &[Value::UNIT]).map(drop)
    }));
    assert!(killed.is_err());
    let sum = host.compile("1 + 1", &[], &Hooks::default()).unwrap();
    let operations = || {
        assert_eq!(display(&host.eval(&sum, &[]).unwrap()), "2");
        host.operations()
    };
    assert_eq!(operations(), operations());
}
