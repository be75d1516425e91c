; What TypeScript adds to javascript/tags.scm, and read before it: what it says of a node wins.

(interface_declaration name: (_) @name) @definition.interface
(type_alias_declaration name: (_) @name) @definition.type
(enum_declaration name: (_) @name) @definition.enum
(abstract_class_declaration name: (_) @name) @definition.class
(internal_module name: (_) @name) @definition.namespace
(module name: [(identifier) @name (nested_identifier) @name (string (string_fragment) @name)]) @definition.module
(public_field_definition name: (_) @name value: [(arrow_function) (function_expression)]) @definition.method

; without a body: overloads, abstract methods and `declare`
(function_signature name: (_) @name) @definition.function
(abstract_method_signature name: (_) @name) @definition.method
(class_body (method_signature name: (_) @name) @definition.method)
(ambient_declaration (_ (variable_declarator name: (identifier) @name) @definition.variable))

; const f: (x: X) => Y = …
(variable_declarator name: (identifier) @name type: (type_annotation (function_type))) @definition.function
; const f = (() => …) as F
(variable_declarator name: (identifier) @name value: [
  (as_expression [(arrow_function) (function_expression) (parenthesized_expression [(arrow_function) (function_expression)])])
  (satisfies_expression [(arrow_function) (function_expression) (parenthesized_expression [(arrow_function) (function_expression)])])]) @definition.function
; export const C = forwardRef(() => …) as F
(program [(lexical_declaration (variable_declarator name: (identifier) @name value: (as_expression (call_expression
    arguments: (arguments [(arrow_function) (function_expression)])))) @definition.function)
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name value: (as_expression (call_expression
    arguments: (arguments [(arrow_function) (function_expression)])))) @definition.function))])

(import_require_clause source: (string (string_fragment) @import))
