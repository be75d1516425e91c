(function_declaration name: (method_index_expression) @name) @definition.method
(function_declaration name: (_) @name) @definition.function
; M.f = function …, local f = function …
(assignment_statement (variable_list . name: (_) @name) (expression_list . value: (function_definition))) @definition.function
; { setup = function … }
(field name: (identifier) @name value: (function_definition)) @definition.method

(function_call name: (identifier) @_require arguments: (arguments . (string content: (string_content) @import)) (#eq? @_require "require"))

(function_call name: [(identifier) @call (dot_index_expression field: (identifier) @call) (method_index_expression method: (identifier) @call)])
