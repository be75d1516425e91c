(struct_declaration (function_declaration name: (identifier) @name) @definition.method)
(enum_declaration (function_declaration name: (identifier) @name) @definition.method)
(union_declaration (function_declaration name: (identifier) @name) @definition.method)
(opaque_declaration (function_declaration name: (identifier) @name) @definition.method)
(test_declaration [(string (string_content) @name) (identifier) @name]) @definition.test

; A generic type is a function that returns one: `fn List(comptime T: type) type { return struct {…}; }`.
(function_declaration name: (identifier) @name body: (block (expression_statement (return_expression (struct_declaration))))) @definition.struct
(function_declaration name: (identifier) @name body: (block (expression_statement (return_expression (union_declaration))))) @definition.union
(function_declaration name: (identifier) @name body: (block (expression_statement (return_expression (enum_declaration))))) @definition.enum
(function_declaration name: (identifier) @name) @definition.function

(variable_declaration . (identifier) @name (struct_declaration)) @definition.struct
(variable_declaration . (identifier) @name (enum_declaration)) @definition.enum
(variable_declaration . (identifier) @name (union_declaration)) @definition.union
(variable_declaration . (identifier) @name (opaque_declaration)) @definition.type
(source_file (variable_declaration "const" . (identifier) @name) @definition.constant)
(source_file (variable_declaration "var" . (identifier) @name) @definition.variable)
(struct_declaration (variable_declaration "const" . (identifier) @name) @definition.constant)
(struct_declaration (variable_declaration "var" . (identifier) @name) @definition.variable)
(enum_declaration (variable_declaration . (identifier) @name) @definition.constant)
(union_declaration (variable_declaration . (identifier) @name) @definition.constant)

(builtin_function
  (builtin_identifier) @_function
  (arguments . (string (string_content) @import))
  (#any-of? @_function "@import" "@cInclude" "@embedFile"))

(call_expression function: [(identifier) @call (field_expression member: (identifier) @call)])
