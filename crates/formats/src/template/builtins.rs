//! minijinja's own filters, tests and functions, each with its price: what is not named here does not exist.

use minijinja::value::{Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, filters as f, functions, tests as t};

use super::{budget, filters, words};

/// All arguments, those with names too.
type Args = Rest<ValueOrKwargs>;

/// What an operation on a value costs.
#[derive(Clone, Copy)]
enum Price {
    Nothing,
    /// Its length has to be found.
    Length,
    /// A place for each of its items, which are shared; of a text for each character.
    Items,
    /// All its text may be copied so many times, and that of its arguments.
    Text(u64),
    /// Its items are compared with each other.
    Order,
}

impl Price {
    fn take(self, args: &[Value]) -> Result<(), Error> {
        let Some(value) = args.first() else { return Ok(()) };
        let text = value.kind() == ValueKind::String;
        match self {
            Self::Nothing => Ok(()),
            Self::Length if text => budget::charge(budget::size(value)? / 16),
            Self::Length if value.kind() != ValueKind::Iterable => Ok(()),
            Self::Length => budget::charge(budget::size(value)?),
            Self::Items => {
                let each = if text { budget::ITEM } else { 1 };
                budget::charge(budget::size(value)?.saturating_mul(each))
            }
            Self::Text(times) => args.iter().try_for_each(|arg| {
                let once = budget::written(arg)?;
                budget::charge(once.saturating_mul(times - 1))
            }),
            Self::Order => {
                let rounds = u64::from(u64::BITS - budget::size(value)?.leading_zeros());
                budget::charge(budget::written(value)?.saturating_mul(rounds))
            }
        }
    }
}

/// A filter that is paid for before it runs, also where another calls it.
fn filter(env: &mut Environment<'static>, name: &'static str, price: Price, builtin: Value) {
    env.add_filter(name, move |state: &mut State<'_, '_>, args: Args| -> Result<Value, Error> {
        let args = args.into_values();
        price.take(&args)?;
        builtin.call(state, &args)
    });
}

/// The same for a test.
fn test(env: &mut Environment<'static>, name: &'static str, builtin: Value) {
    env.add_test(name, move |state: &mut State<'_, '_>, args: Args| -> Result<Value, Error> {
        let args = args.into_values();
        args.iter().try_for_each(|arg| budget::compared(arg).map(drop))?;
        builtin.call(state, &args)
    });
}

pub(super) fn register(env: &mut Environment<'static>) {
    let of = [
        ("default", Price::Nothing, Value::from_function(f::default)),
        ("d", Price::Nothing, Value::from_function(f::default)),
        ("attr", Price::Nothing, Value::from_function(f::attr)),
        ("length", Price::Length, Value::from_function(length)),
        ("count", Price::Length, Value::from_function(length)),
        ("first", Price::Items, Value::from_function(f::first)),
        ("last", Price::Items, Value::from_function(f::last)),
        ("list", Price::Items, Value::from_function(f::list)),
        ("map", Price::Items, Value::from_function(f::map)),
        ("select", Price::Items, Value::from_function(f::select)),
        ("reject", Price::Items, Value::from_function(f::reject)),
        ("selectattr", Price::Items, Value::from_function(f::selectattr)),
        ("rejectattr", Price::Items, Value::from_function(f::rejectattr)),
        ("bool", Price::Length, Value::from_function(f::bool)),
        ("split", Price::Items, Value::from_function(f::split)),
        ("lines", Price::Items, Value::from_function(f::lines)),
        ("dictsort", Price::Order, Value::from_function(f::dictsort)),
        ("min", Price::Order, Value::from_function(f::min)),
        ("max", Price::Order, Value::from_function(f::max)),
        ("sort", Price::Order, Value::from_function(f::sort)),
        ("unique", Price::Order, Value::from_function(f::unique)),
        ("safe", Price::Text(1), Value::from_function(f::safe)),
        ("lower", Price::Text(3), Value::from_function(f::lower)),
        ("upper", Price::Text(3), Value::from_function(f::upper)),
        ("title", Price::Text(3), Value::from_function(f::title)),
        ("capitalize", Price::Text(3), Value::from_function(f::capitalize)),
        // `&` becomes `&amp;`, a quote `&quot;`.
        ("escape", Price::Text(6), Value::from_function(f::escape)),
        ("e", Price::Text(6), Value::from_function(f::escape)),
        ("abs", Price::Text(1), Value::from_function(f::abs)),
        ("int", Price::Text(1), Value::from_function(f::int)),
        ("float", Price::Text(1), Value::from_function(f::float)),
        ("round", Price::Text(1), Value::from_function(f::round)),
    ];
    for (name, price, builtin) in of {
        filter(env, name, price, builtin);
    }
    env.add_filter("trim", |state: &mut State<'_, '_>, args: Args| -> Result<Value, Error> {
        let args = args.into_values();
        Price::Text(1).take(&args)?;
        filters::price_of_trimming(&args)?;
        match args.as_slice() {
            [text] if text.as_str().is_some() => {
                Ok(text.as_str().unwrap_or_default().trim_matches(words::is_space).into())
            }
            _ => Value::from_function(f::trim).call(state, &args),
        }
    });
    tests(env);
    env.add_function("range", functions::range);
    for (name, builtin) in [
        ("dict", Value::from_function(functions::dict)),
        ("namespace", Value::from_function(functions::namespace)),
    ] {
        env.add_function(name, move |state: &mut State<'_, '_>, args: Args| -> Result<Value, Error> {
            let args = args.into_values().into_iter().map(|arg| filters::settled(arg, true));
            let made = builtin.call(state, &args.collect::<Result<Vec<_>, _>>()?)?;
            filters::settled(made, true)
        });
    }
}

/// What is not there has no items.
fn length(value: &Value) -> Result<usize, Error> {
    if value.is_undefined() { Ok(0) } else { f::length(value) }
}

/// What Python can index and knows the length of, beside lists.
fn has_length(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::String | ValueKind::Map)
}

fn tests(env: &mut Environment<'static>) {
    let comparing = [
        (["eq", "equalto", "=="], Value::from_function(t::is_eq)),
        (["ne", "!=", "ne"], Value::from_function(t::is_ne)),
        (["lt", "lessthan", "<"], Value::from_function(t::is_lt)),
        (["gt", "greaterthan", ">"], Value::from_function(t::is_gt)),
        (["le", "<=", "le"], Value::from_function(t::is_le)),
        (["ge", ">=", "ge"], Value::from_function(t::is_ge)),
    ];
    for (names, builtin) in comparing {
        for name in names {
            test(env, name, builtin.clone());
        }
    }
    for (name, builtin) in [
        ("in", Value::from_function(t::is_in)),
        ("lower", Value::from_function(t::is_lower)),
        ("upper", Value::from_function(t::is_upper)),
        ("startingwith", Value::from_function(t::is_startingwith)),
        ("endingwith", Value::from_function(t::is_endingwith)),
    ] {
        test(env, name, builtin);
    }
    env.add_test("undefined", t::is_undefined);
    env.add_test("defined", t::is_defined);
    env.add_test("none", t::is_none);
    env.add_test("safe", t::is_safe);
    env.add_test("escaped", t::is_safe);
    env.add_test("boolean", t::is_boolean);
    env.add_test("odd", t::is_odd);
    env.add_test("even", t::is_even);
    env.add_test("divisibleby", t::is_divisibleby);
    env.add_test("number", t::is_number);
    env.add_test("integer", t::is_integer);
    env.add_test("int", t::is_integer);
    env.add_test("float", t::is_float);
    env.add_test("string", t::is_string);
    env.add_test("sequence", |value: &Value| has_length(value) || t::is_sequence(value));
    // minijinja goes through `none` as through an empty list; Python does not.
    env.add_test("iterable", |value: &Value| !value.is_none() && t::is_iterable(value));
    env.add_test("mapping", t::is_mapping);
    env.add_test("sameas", t::is_sameas);
    env.add_test("true", t::is_true);
    env.add_test("false", t::is_false);
    env.add_test("filter", t::is_filter);
    env.add_test("test", t::is_test);
}
