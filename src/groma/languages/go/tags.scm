(function_declaration name: (identifier) @name) @definition.function
(method_declaration name: (field_identifier) @name) @definition.method

(type_spec name: (type_identifier) @name type: (struct_type)) @definition.struct
(type_spec name: (type_identifier) @name type: (interface_type)) @definition.interface
(type_spec name: (type_identifier) @name) @definition.type
(type_alias name: (type_identifier) @name) @definition.type

; No field in the first: the grammar matches `name:` only for the first of `const a, b`. `var _ I = (*T)(nil)` names nothing.
(source_file (const_declaration (const_spec (identifier) @name) @definition.constant) (#not-eq? @name "_"))
(source_file
  (var_declaration
    [(var_spec name: (identifier) @name) @definition.variable (var_spec_list (var_spec name: (identifier) @name) @definition.variable)])
  (#not-eq? @name "_"))

(import_spec path: (_) @import)

(call_expression function: [(identifier) @call (selector_expression field: (field_identifier) @call)])
