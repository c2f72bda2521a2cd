//! Chat templates that would run, grow or nest without end, and conversations that they cannot take.

use smolder_formats::Result;
use smolder_formats::template::{ChatTemplate, Message, Options, Rendered, TrainOn};

use super::cases;
use crate::clock;
use crate::tokenizing::from_gguf;

fn message(role: &str, content: &str) -> Message {
    serde_json::json!({"role": role, "content": content}).as_object().unwrap().clone()
}

/// Renders a short conversation; no template may take a second.
fn render(source: impl AsRef<str>) -> Result<String> {
    let tokenizer = from_gguf("gpt2");
    let (rendered, ran) = clock::time(|| {
        let template = ChatTemplate::new(Some(source.as_ref()))?;
        template.render(&tokenizer, &[message("user", &"x".repeat(100_000))], false, &Options::default())
    });
    assert!(ran.as_secs_f64() < 1.0 || cfg!(debug_assertions), "{ran:?}");
    rendered.map(|rendered| rendered.text())
}

cases! { render;
    endless_loop: "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}" => Cost, "ends soon", "out of fuel";
    range_of_billions: "{% for a in range(1000000000) %}{% endfor %}" => Syntax, "chat template, line 1";
    doubling_by_plus: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}" => Cost, "modest memory";
    doubling_by_tilde: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}" => Cost, "modest memory";
    doubling_in_brackets: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = (ns.x) + [ns.x][0] %}{% endfor %}" => Cost, "modest memory";
    doubling_by_format_of_list: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x]|string %}{% endfor %}" => Cost, "modest memory";
    doubling_by_join: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x]|join %}{% endfor %}" => Cost, "modest memory";
    doubling_by_join_method: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x.join([ns.x, ns.x]) %}{% endfor %}" => Cost, "modest memory";
    doubling_by_replace: "{% set ns = namespace(x='aa') %}{% for i in range(60) %}{% set ns.x = ns.x|replace('a', 'aa') %}{% endfor %}" => Cost, "modest memory";
    doubling_by_replace_method: "{% set ns = namespace(x='aa') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('a', 'aa') %}{% endfor %}" => Cost, "modest memory";
    doubling_by_set_block: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}" => Cost, "modest memory";
    doubling_by_tojson: "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}" => Cost, "modest memory";
    doubling_by_macro: "{% macro f(x, n) %}{% if n %}{{ f(x + x, n - 1) }}{% endif %}{% endmacro %}{{ f('ab', 60) }}" => Syntax, "recursion limit exceeded";
    string_times_number: "{{ 'x' * 100000000 }}" => Syntax, "only numbers can be multiplied";
    number_times_string: "{% set n = 90000000 %}{% set s = 'x' %}{{ n * s }}" => Syntax, "only numbers can be multiplied";
    indent_by_a_billion: "{{ 'x'|indent(1000000000, true) }}" => Cost, "modest memory";
    padded_format: "{{ '%999999999d'|format(1) }}" => Syntax, "format is unknown";
    centered: "{{ 'x'.center(1000000000) }}" => Syntax, "center";
    many_slices: "{% set m = messages[0].content %}{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = ns.x + [m[1:]] %}{% endfor %}" => Cost, "modest memory";
    many_copies: "{% set m = messages[0].content %}{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = ns.x + [m|upper] %}{% endfor %}" => Cost, "modest memory";
    many_searches: "{% set m = messages[0].content %}{% for i in range(90000) %}{% if 'y' in m %}{% endif %}{% endfor %}" => Cost, "modest memory";
    many_lists: "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = ns.x + [range(90000)|list] %}{% endfor %}" => Cost, "modest memory";
    output_over_4_mib: "{% for i in range(90) %}{{ messages[0].content }}{% endfor %}" => Limit, "at most 4194304 bytes of output";
    endless_recursion: "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}" => Syntax, "chat template";
    template_of_10_mb: "x".repeat(10 << 20) => Limit, "at most 262144 bytes", "10485760";
    deep_brackets: format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000)) => Limit, "at most 64 nested brackets";
    a_variable_called_raw: "{{ raw }}{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}" => Cost, "modest memory";
    nested_lists_compared: "{% set ns = namespace(x=[], y=[]) %}{% for i in range(60000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x == ns.y }}" => Cost, "too many nested values";
    nested_lists_made_unique: "{% set ns = namespace(x=[], y=[]) %}{% for i in range(60000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ [ns.x, ns.y]|unique|list|length }}" => Cost, "too many nested values";
    nested_lists_sorted: "{% set ns = namespace(x=[], y=[]) %}{% for i in range(60000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ [ns.x, ns.y]|sort|length }}" => Cost, "too many nested values";
    greatest_of_nested_lists: "{% set ns = namespace(x=[], y=[]) %}{% for i in range(60000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ [ns.x, ns.y]|max|length }}" => Cost, "too many nested values";
    nested_lists_dropped: "{% set ns = namespace(x=[]) %}{% for j in range(3) %}{% for i in range(60000) %}{% set ns.x = [ns.x] %}{% endfor %}{% endfor %}" => Cost, "too many nested values";
    nested_lists_one_by_one: "{%set x=[]%}".to_owned() + &"{%set x=[x]%}".repeat(15_000) => Cost, "too many nested values";
    nested_tuples: "{% set ns = namespace(x=1) %}{% for i in range(60000) %}{% set ns.x = ns.x, 1 %}{% endfor %}" => Cost, "too many nested values";
    nested_maps: "{% set ns = namespace(x=1) %}{% for i in range(60000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}" => Cost, "too many nested values";
    nested_dicts: "{% set ns = namespace(x=1) %}{% for i in range(60000) %}{% set ns.x = dict(a=ns.x) %}{% endfor %}" => Cost, "too many nested values";
    nested_namespaces: "{% set x = 1 %}".to_owned() + &"{% set x = namespace(x=x) %}".repeat(5_000) => Cost, "too many nested values";
    namespace_in_itself: "{% set ns = namespace() %}{% set ns.x = [ns] %}" => Syntax, "a namespace keeps";
    captured_text: format!("{{% set x %}}{{% for i in range(10000) %}}{}{{% endfor %}}{{% endset %}}", "x".repeat(100_000)) => Cost, "modest memory";
    captured_text_of_a_macro: format!("{{% macro f() %}}{{% for i in range(10000) %}}{}{{% endfor %}}{{% endmacro %}}{{% set x = f() %}}", "x".repeat(100_000)) => Cost, "modest memory";
    captured_raw_text: format!("{{% set x %}}{{% for i in range(10000) %}}{{% raw %}}{}{{% endraw %}}{{% endfor %}}{{% endset %}}", "x".repeat(100_000)) => Cost, "modest memory";
    raw_block_with_the_word_that_ends_it: "{% raw %}endraw %}{#{% endraw %}{% set ns = namespace(x='ab') %}{% for i in range(29) %}{% set ns.x = ns.x + ns.x %}{% endfor %}#}" => Cost, "modest memory";
    raw_block_with_another_space: "{%\r raw \r%}{#{% endraw %}{% set ns = namespace(x='ab') %}{% for i in range(29) %}{% set ns.x = ns.x + ns.x %}{% endfor %}#}" => Cost, "modest memory";
    comment_that_seems_to_close: "{#}{{ '#}{% set ns = namespace(x=\"ab\") %}{% for i in range(29) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{# ' }}#}" => Cost, "modest memory";
    json_indented_by_16: format!("{{% set l = range(1000) %}}{{{{ {}{}{}|tojson(indent=16) }}}}", "[".repeat(58), ["l"; 40].join(","), "]".repeat(58)) => Cost, "modest memory";
    joined_literals: format!("{{% for i in range(2000) %}}{{% set x = '{}' ~ i %}}{{% endfor %}}", "x".repeat(100_000)) => Cost, "modest memory";
    many_searches_in_a_list: "{% set l = range(100000)|list %}{% for i in range(2000) %}{% if 'x' in l %}{% endif %}{% endfor %}" => Cost, "modest memory";
    many_searches_by_a_test: "{% set l = range(100000)|list %}{% for i in range(2000) %}{% if 'x' is in(l) %}{% endif %}{% endfor %}" => Cost, "modest memory";
    many_counts_in_a_list: "{% set l = range(100000)|list %}{% for i in range(2000) %}{% if l.count(3) %}{% endif %}{% endfor %}" => Cost, "modest memory";
    many_tests_of_a_text: "{% set m = messages[0].content %}{% for i in range(90000) %}{% if m is lower %}{% endif %}{% endfor %}" => Cost, "modest memory";
    copies_by_map: "{% set m = messages[0].content %}{% set x = ([m, m, m, m] * 1)|list %}" => Syntax, "only numbers can be multiplied";
    copies_by_a_mapped_filter: format!("{{% set m = messages[0].content %}}{{% set x = [{}]|map('upper')|list %}}", ["m"; 1_000].join(",")) => Cost, "modest memory";
    counted_replacements: "{% set m = messages[0].content %}{% set x = m.replace('', m, 90000) %}" => Cost, "modest memory";
    stripping_many_characters: "{% set m = messages[0].content %}{% set x = m.strip(m) %}" => Cost, "modest memory";
    text_summed: "{{ ['a', 'b']|sum(start='') }}" => Syntax, "start";
    sum_of_300: format!("{{{{ 0{} }}}}", "+1".repeat(300)) => Limit, "at most 256 operations in a tag";
    attributes_300_deep: format!("{{{{ a{} }}}}", ".a".repeat(300)) => Limit, "at most 256 operations";
    three_hundred_nots: format!("{{{{ {}a }}}}", "not ".repeat(300)) => Limit, "at most 256 operations";
    three_hundred_branches: format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(300)) => Limit, "at most 256 branches";
    blocks_300_deep: format!("{}{}", "{% if a %}".repeat(300), "{% endif %}".repeat(300)) => Syntax, "recursion limits";
    unclosed_block: "{% for m in messages %}" => Syntax, "a Jinja template";
    unclosed_tag: "{{ messages" => Syntax, "a Jinja template";
    unknown_filter: "{{ messages|os_system }}" => Syntax, "os_system";
    unknown_function: "{{ open('/etc/passwd') }}" => Syntax, "open";
    include_of_a_file: "{% include '/etc/passwd' %}" => Syntax, "chat template";
    template_that_refuses: "{{ raise_exception('only system messages') }}" => Value, "accepts", "only system messages";
}

#[test]
fn chains_at_the_cap_are_run() {
    for (source, want) in [
        (format!("{{{{ 0{} }}}}", "+1".repeat(256)), "256"),
        (format!("{{{{ 'a'{} }}}}", "|trim".repeat(256)), "a"),
        (format!("{{{{ {}true }}}}", "not ".repeat(256)), "True"),
        (format!("{{{{ {}2 }}}}", "1 if false else ".repeat(128)), "2"),
        (format!("{{{{ [2]{} }}}}", "[0:]".repeat(60)), "[2]"),
        (format!("{{% if false %}}{}{{% else %}}3{{% endif %}}", "{% elif false %}".repeat(256)), "3"),
    ] {
        assert_eq!(render(&source).unwrap(), want, "{}", &source[..40]);
    }
}

/// Slices of slices, and what else is computed when it is looked at.
#[test]
fn lists_cut_a_thousand_times() {
    for cut in ["ns.x[0:]", "ns.x|reverse", "ns.x + []", "ns.x|map('reverse')|list", "ns.x|select|list"] {
        let source = format!(
            "{{% set ns = namespace(x=[]) %}}{{% for i in range(9999) %}}{{% set ns.x = {cut} %}}{{% endfor %}}{{{{ ns.x|length }}}}"
        );
        assert_eq!(render(&source).unwrap(), "0", "{cut}");
    }
}

#[test]
fn names_in_brackets_are_given_values() {
    for (source, want) in [
        ("{% for (k, v) in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}", "a1"),
        (
            "{% macro f() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) f() %}{{ b }}{{ a }}{% endcall %}",
            "21",
        ),
        (
            "{% set (a, b) = (1, 2) %}{% set ns = namespace(x=a, y=[b, a]) %}{{ ns.y[ns.x] }}{{ {'k': b}['k'] }}",
            "12",
        ),
        ("{% set x = 1 if false else 2 -%} {{ x }}{% with y = [x] %}{{ y[-1:] }}{% endwith %}", "2[2]"),
    ] {
        assert_eq!(render(source).unwrap(), want, "{source}");
    }
}

/// The meters write nothing, and leave the space around tags as it is.
#[test]
fn long_texts_stay_as_they_are() {
    let long = "word ".repeat(20);
    for (source, want) in [
        (
            format!("  {long}  {{% if true %}}\n  {long}\n  {{%- endif %}}\n{long}"),
            format!("  {long}    {}{long}", long.trim_end()),
        ),
        (
            format!("{{{{ 'a' -}}}}  {long} {{{{- 'b' }}}}\n {long}"),
            format!("a{}b\n {long}", long.trim_end()),
        ),
        (format!("{{# c #}}\n{long}{{#- d -#}} {long}"), format!("{}{long}", long.trim_end())),
        (format!("{{% raw %}}\n{long}{{{{ }}}}{{% endraw %}}\n{long}"), format!("{long}{{{{ }}}}{long}")),
        (
            format!("{{% if true +%}}\n{}\n{{% endif -%}}\n {long}", " ".repeat(40)),
            format!("\n{}\n{long}", " ".repeat(40)),
        ),
    ] {
        assert_eq!(render(&source).unwrap(), want, "{source}");
    }
}

fn train(source: &str) -> Result<Rendered> {
    let messages = [message("user", "hi"), message("assistant", "hello")];
    let template = ChatTemplate::new(Some(source))?;
    template.render_training(&from_gguf("gpt2"), &messages, TrainOn::Assistant, &Options::default())
}

cases! { train;
    no_assistant_span: "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}" => Missing, "an assistant's turn";
    empty_generation_block: "{% generation %}{% endgeneration %}" => Missing, "an assistant's turn";
}

#[test]
fn every_mark_in_one_message() {
    let all: String = ('\u{fdd0}'..='\u{fdef}').collect();
    let template = ChatTemplate::new(None).unwrap();
    let rendered = template.render(&from_gguf("gpt2"), &[message("user", &all)], false, &Options::default());
    super::refused(rendered, smolder_formats::Kind::Encoding, &["every noncharacter"]);
}
