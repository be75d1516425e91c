(class_definition name: (_) @name) @definition.class
(trait_definition name: (_) @name) @definition.trait
(object_definition name: (_) @name) @definition.object
(package_object name: (_) @name) @definition.object
(enum_definition name: (_) @name) @definition.enum
; not those of a refinement, as in `Parallel[M] { type F[x] = … }`
(template_body (type_definition name: (_) @name) @definition.type)
(compilation_unit (type_definition name: (_) @name) @definition.type)
; a given without a name takes that of its type, an extension that of the type it extends
(given_definition name: (_) @name) @definition.instance
(given_definition . return_type: (_) @name) @definition.instance
(extension_definition parameters: (parameters . (parameter type: (_) @name))) @definition.extension
; implicit val orderForFoo = new Order[Foo] { … }
(template_body (val_definition pattern: (identifier) @name
  value: [(instance_expression (template_body)) (indented_block . (instance_expression (template_body)) .)]) @definition.instance)

(function_definition name: (identifier) @name (#eq? @name "this")) @definition.constructor
(template_body [(function_definition name: (_) @name) (function_declaration name: (_) @name)] @definition.method)
(with_template_body [(function_definition name: (_) @name) (function_declaration name: (_) @name)] @definition.method)
(enum_body [(function_definition name: (_) @name) (function_declaration name: (_) @name)] @definition.method)
(extension_definition [(function_definition name: (_) @name) (function_declaration name: (_) @name)] @definition.method)
(function_definition name: (_) @name) @definition.function
(function_declaration name: (_) @name) @definition.function

; Only those that stand directly in a type or a file: in blocks they are locals.
(template_body [
  (val_definition pattern: [(identifier) @name (identifiers (identifier) @name) (tuple_pattern (identifier) @name)])
  (var_definition pattern: [(identifier) @name (identifiers (identifier) @name)])
  (val_declaration (identifier) @name)
  (var_declaration (identifier) @name)] @definition.field)
(compilation_unit [(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)] @definition.variable)

(import_declaration) @import
(import_declaration (namespace_selectors [(identifier) @import (arrow_renamed_identifier name: (_) @import) (as_renamed_identifier name: (_) @import)]))

(call_expression function: [
  (identifier) @call
  (field_expression field: (identifier) @call)
  (generic_function function: [(identifier) @call (field_expression field: (identifier) @call)])])
