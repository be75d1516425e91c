; Elixir has no keywords for its definitions: they are calls of `def`, `defmodule` …
(call target: (identifier) @_def (arguments . [(alias) (identifier) (dot)] @name) (#eq? @_def "defmodule")) @definition.module
(call target: (identifier) @_def (arguments . (_) @name) (#eq? @_def "defprotocol")) @definition.protocol
(call target: (identifier) @_def (arguments . (_) @name) (#eq? @_def "defimpl")) @definition.impl

; def f, def f(x), def f(x) when …; then def left <> right, def not value
(call target: (identifier) @_def (arguments . [
    (identifier) @name
    (call target: (_) @name)
    (binary_operator left: [(identifier) @name (call target: (_) @name) (binary_operator operator: _ @name)] operator: "when")])
  (#any-of? @_def "def" "defp" "defmacro" "defmacrop" "defdelegate" "defguard" "defguardp" "defn" "defnp")) @definition.function
(call target: (identifier) @_def (arguments . [(binary_operator operator: _ @name) (unary_operator operator: _ @name)])
  (#any-of? @_def "def" "defp" "defmacro" "defmacrop") (#not-eq? @name "when")) @definition.function

(call target: (identifier) @_describe (arguments . (string (quoted_content) @name)) (do_block) (#eq? @_describe "describe")) @definition.section
(call target: (identifier) @_test (arguments . (string (quoted_content) @name)) (do_block) (#any-of? @_test "test" "property")) @definition.test

(call target: (identifier) @_use (arguments . [(alias) @import (dot (alias) @import)]) (#any-of? @_use "alias" "import" "use" "require"))

(call target: [(identifier) @call (dot right: (identifier) @call)]
  (#not-match? @call "^(def|defp|defmodule|defmacro|defmacrop|defimpl|alias|import|use|require|if|unless|case|cond|with|for|quote|unquote|moduledoc|doc|typedoc|spec|type|typep|opaque|callback|impl|behaviour|defstruct)$"))

; @callback f(x) :: y
(unary_operator operator: "@" operand: (call target: (identifier) @_callback (arguments . (binary_operator left: [
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")])))
  (#any-of? @_callback "callback" "macrocallback")) @definition.function
