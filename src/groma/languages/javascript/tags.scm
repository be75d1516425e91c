; For three grammars: javascript, and typescript and tsx, which add their own file. `(_)` stands where their node types differ.

(class_declaration name: (_) @name) @definition.class
(function_declaration name: (_) @name) @definition.function
(generator_function_declaration name: (_) @name) @definition.function
(method_definition name: (property_identifier) @name (#eq? @name "constructor")) @definition.constructor
(method_definition name: (_) @name) @definition.method
; class fields that hold a function
(class_body (_ property: (_) @name value: [(arrow_function) (function_expression)]) @definition.method)

; const f = () => …
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(variable_declarator name: (identifier) @name value: (class)) @definition.class
; an object with methods, and a library in a function called at once: both are searched
(variable_declarator name: (identifier) @name value: (object [(method_definition) (pair value: [(arrow_function) (function_expression)])])) @definition.object
(variable_declarator name: (identifier) @name value: [
  (call_expression function: (parenthesized_expression (function_expression)))
  (parenthesized_expression (call_expression function: (function_expression)))]) @definition.module
; const f = memo(() => …), memo(forwardRef(() => …)), (cache => …)(…): only at the top, deeper ones are results such as rows.map(…)
(program [(lexical_declaration (variable_declarator name: (identifier) @name value: (call_expression [
    function: (parenthesized_expression (arrow_function))
    arguments: (arguments [(arrow_function) (function_expression) (call_expression arguments: (arguments [(arrow_function) (function_expression)]))])])) @definition.function)
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name value: (call_expression [
    function: (parenthesized_expression (arrow_function))
    arguments: (arguments [(arrow_function) (function_expression) (call_expression arguments: (arguments [(arrow_function) (function_expression)]))])])) @definition.function))])

; functions and methods of an object
(pair key: (property_identifier) @name value: [(function_expression) (arrow_function body: (statement_block))]) @definition.method

; exports.f = function …, app.handle = app.run = function …, Shape.prototype.area = function …
(expression_statement (assignment_expression left: (member_expression object: [(identifier) (member_expression)] @_exports property: (_) @name)
    right: [(arrow_function) (function_expression) (generator_function)]) (#any-of? @_exports "exports" "module.exports")) @definition.function
(expression_statement (assignment_expression left: (member_expression) @name (#not-match? @name "^(module\\.)?exports[^0-9A-Za-z_]")
    right: [(arrow_function) (function_expression) (generator_function)
      (assignment_expression right: [(arrow_function) (function_expression)])])) @definition.function
(expression_statement (assignment_expression left: (member_expression) @_exports right: (function_expression name: (_) @name))
  (#eq? @_exports "module.exports")) @definition.function
(expression_statement (assignment_expression left: (member_expression) right: (class name: (_) @name))) @definition.class
; defineGetter(req, "protocol", function protocol() …)
(expression_statement (call_expression arguments: (arguments (function_expression name: (_) @name)))) @definition.function

(program [(lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable)
          (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable)])
(export_statement (_ (variable_declarator name: (identifier) @name) @definition.variable))

(import_statement source: (string (string_fragment) @import))
(export_statement source: (string (string_fragment) @import))
(call_expression function: [(identifier) (import)] @_require arguments: (arguments . (string (string_fragment) @import)) (#any-of? @_require "require" "import"))

(call_expression function: [(identifier) @call (member_expression property: (property_identifier) @call)])
(new_expression constructor: (identifier) @call)

; describe("…", () => …) is searched, it("…", () => …) is one test
(expression_statement (call_expression function: (identifier) @_describe
  arguments: (arguments . [(string (string_fragment) @name) (template_string) @name] [(arrow_function) (function_expression)])) (#eq? @_describe "describe")) @definition.section
(expression_statement (call_expression function: (identifier) @_it
  arguments: (arguments . [(string (string_fragment) @name) (template_string) @name] [(arrow_function) (function_expression)])) (#any-of? @_it "it" "test")) @definition.test
