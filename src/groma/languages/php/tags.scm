(class_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.trait
(enum_declaration name: (name) @name) @definition.enum
; `namespace A\B;` is one line and holds nothing; `namespace A\B { … }` holds its body
(namespace_definition name: (namespace_name) @name) @definition.namespace

(method_declaration name: (name) @name) @definition.method
(function_definition name: (name) @name) @definition.function

(const_declaration (const_element (name) @name) @definition.constant)

(namespace_use_declaration [(namespace_use_clause . [(qualified_name) (name)] @import) (namespace_name) @import])
([(require_expression (string (string_content) @import)) (require_once_expression (string (string_content) @import))
  (include_expression (string (string_content) @import)) (include_once_expression (string (string_content) @import))])

(function_call_expression function: [(name) @call (qualified_name (name) @call)])
(member_call_expression name: (name) @call)
(scoped_call_expression name: (name) @call)
(object_creation_expression [(name) @call (qualified_name (name) @call)])
