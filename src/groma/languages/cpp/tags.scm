; GoogleTest and Google Benchmark: the second argument is the name.
(function_definition
  !type
  declarator: (function_declarator
    declarator: (identifier) @_macro
    parameters: (parameter_list (parameter_declaration) . (parameter_declaration type: (type_identifier) @name)))
  (#any-of? @_macro "TEST" "TEST_F" "TEST_P" "TYPED_TEST" "TYPED_TEST_P" "BENCHMARK_F" "BENCHMARK_DEFINE_F")) @definition.test

(field_declaration_list (function_definition declarator: [
    (function_declarator declarator: (_) @name)
    (_ (function_declarator declarator: (_) @name))
    (_ (_ (function_declarator declarator: (_) @name)))
    (operator_cast) @name
  ]) @definition.method)
(field_declaration_list (template_declaration (function_definition declarator: [
    (function_declarator declarator: (_) @name)
    (_ (function_declarator declarator: (_) @name))
    (_ (_ (function_declarator declarator: (_) @name)))
    (operator_cast) @name
  ]) @definition.method))
; A misread macro can make a function of `if (…) {…}`.
(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (_ (function_declarator declarator: (_) @name))
    (_ (_ (function_declarator declarator: (_) @name)))
    (operator_cast) @name
    (qualified_identifier name: (operator_cast)) @name
  ]
  (#not-match? @name "^(if|for|while|switch|defined|TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|BENCHMARK_F|BENCHMARK_DEFINE_F)$")) @definition.function
; `int f() MACRO {…}`
(function_definition (ERROR . (function_declarator declarator: (_) @name)) declarator: [(identifier) (field_identifier)]) @definition.function

(namespace_definition name: (_) @name) @definition.namespace
; `MACRO namespace x {…}`
(function_definition (ERROR . (identifier) @_keyword) declarator: (identifier) @name (#eq? @_keyword "namespace")) @definition.namespace
(class_specifier name: (_) @name body: (_)) @definition.class
(struct_specifier name: (_) @name body: (_)) @definition.struct
(union_specifier name: (_) @name body: (_)) @definition.union
(enum_specifier name: (_) @name body: (_)) @definition.enum
; `class MACRO X {…}` and `class MACRO X : Y {…}` read as functions without parameters.
(function_definition type: [(class_specifier) (struct_specifier)] . [(identifier) @name (template_function) @name (ERROR . (identifier) @name)]) @definition.class
(concept_definition name: (_) @name) @definition.type
; In a class, `using x = y;` is no definition worth a chunk.
(translation_unit (alias_declaration name: (_) @name) @definition.type)
(declaration_list (alias_declaration name: (_) @name) @definition.type)
(template_declaration (alias_declaration name: (_) @name) @definition.type)

(type_definition type: (enum_specifier body: (_)) @definition.enum declarator: (type_identifier) @name)
(type_definition type: (union_specifier body: (_)) @definition.union declarator: (type_identifier) @name)
(type_definition type: (_ body: (_)) @definition.struct declarator: [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])
(type_definition
  type: [(primitive_type) (sized_type_specifier) (type_identifier) (template_type) (qualified_identifier) (struct_specifier !body) (union_specifier !body) (enum_specifier !body)]
  declarator: [
    (type_identifier) @name
    (primitive_type) @name
    (array_declarator declarator: (type_identifier) @name)
    (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))
    (pointer_declarator declarator: (type_identifier) @name)
  ]) @definition.type

(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro
; A lambda in an initialiser has variables of its own: so not everywhere.
(translation_unit (declaration (init_declarator declarator: [
    (identifier) @name
    (array_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name)])
  ]) @definition.variable))
(declaration_list (declaration (init_declarator declarator: [
    (identifier) @name
    (array_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name)])
  ]) @definition.variable))
(preproc_ifdef (declaration (init_declarator declarator: [
    (identifier) @name
    (array_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name)])
  ]) @definition.variable))
(preproc_include path: (_) @import)

(call_expression function: [
  (identifier) @call
  (qualified_identifier name: (identifier) @call)
  (template_function name: (identifier) @call)
  (field_expression field: [(field_identifier) @call (template_method name: (_) @call)])
])
