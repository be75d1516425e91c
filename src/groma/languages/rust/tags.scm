(impl_item body: (declaration_list (function_item name: (_) @name) @definition.method))
(trait_item body: (declaration_list [(function_item name: (_) @name) (function_signature_item name: (_) @name)] @definition.method))
(function_item name: (_) @name) @definition.function
(function_signature_item name: (_) @name) @definition.function
; Opaque like a function, and long enough to begin a chunk.
(macro_definition name: (identifier) @name) @definition.function

(struct_item name: (_) @name) @definition.struct
(union_item name: (_) @name) @definition.union
(enum_item name: (_) @name) @definition.enum
(trait_item name: (_) @name) @definition.trait
(type_item name: (_) @name) @definition.type
(mod_item name: (_) @name) @definition.module
; What an item macro wraps (`cfg_rt! { pub fn spawn() {…} }`) is mere tokens: it has a first line, but no known end.
(token_tree "fn" . (identifier) @name @definition.function)
(token_tree "struct" . (identifier) @name @definition.struct)
(token_tree "enum" . (identifier) @name @definition.enum)
(token_tree "trait" . (identifier) @name @definition.trait)

; `impl Trait for &Type<…>` is called Type.
(impl_item type: [
  (type_identifier) @name
  (scoped_type_identifier name: (_) @name)
  (generic_type type: [(type_identifier) @name (scoped_type_identifier name: (_) @name)])
  (reference_type type: [(type_identifier) @name (generic_type type: (type_identifier) @name)])
]) @definition.impl
(impl_item type: [(primitive_type) (dynamic_type) (tuple_type) (array_type) (pointer_type) (function_type) (unit_type) (never_type)] @name) @definition.impl
(impl_item type: (reference_type type: [(primitive_type) (dynamic_type) (tuple_type) (array_type) (scoped_type_identifier)] @name)) @definition.impl

(const_item name: (_) @name) @definition.constant
(static_item name: (_) @name) @definition.variable

(use_declaration argument: [
  (identifier) @import
  (scoped_identifier) @import
  (use_wildcard (_) @import)
  (use_as_clause path: (_) @import)
  (scoped_use_list path: (_) @import)
])
(use_list [(identifier) (scoped_identifier)] @import)
(extern_crate_declaration name: (_) @import)
(mod_item name: (_) @import !body)

(call_expression function: [
  (identifier) @call
  (scoped_identifier name: (_) @call)
  (field_expression field: (field_identifier) @call)
  (generic_function function: [(identifier) @call (scoped_identifier name: (_) @call) (field_expression field: (_) @call)])
])
(macro_invocation macro: (identifier) @call)
