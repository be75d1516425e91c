; The last is how `TEST(name) {…}` reads. A misread macro can make a function of `if (…) {…}`.
(function_definition
  declarator: [
    (function_declarator declarator: (identifier) @name)
    (function_declarator declarator: (parenthesized_declarator (identifier) @name))
    (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))))
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
    (parenthesized_declarator (identifier) @name)
  ]
  (#not-match? @name "^(if|for|while|switch|defined)$")) @definition.function

; `typedef struct tag {…} name, *pointer;`: the body is a definition of each name.
(struct_specifier name: (_) @name body: (_)) @definition.struct
(union_specifier name: (_) @name body: (_)) @definition.union
(enum_specifier name: (_) @name body: (_)) @definition.enum
(type_definition type: (struct_specifier body: (_)) @definition.struct declarator: [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])
(type_definition type: (union_specifier body: (_)) @definition.union declarator: [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])
(type_definition type: (enum_specifier body: (_)) @definition.enum declarator: [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])
(type_definition
  type: [(primitive_type) (sized_type_specifier) (type_identifier) (macro_type_specifier) (struct_specifier !body) (union_specifier !body) (enum_specifier !body)]
  declarator: [
    (type_identifier) @name
    (primitive_type) @name
    (array_declarator declarator: (type_identifier) @name)
    (function_declarator declarator: (type_identifier) @name)
    (function_declarator declarator: (parenthesized_declarator [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)]))
    (pointer_declarator declarator: (type_identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (type_identifier) @name))
    (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])))
  ]) @definition.type
; How `typedef ULONG (NTAPI *name)(…)` is misread.
(type_definition type: (macro_type_specifier type: (type_descriptor type: (type_identifier) @name)) declarator: (parenthesized_declarator)) @definition.type

(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro
(init_declarator
  declarator: [
    (identifier) @name
    (array_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name)])
  ]) @definition.variable

(preproc_include path: (_) @import)

(call_expression function: [(identifier) @call (field_expression field: (field_identifier) @call)])
