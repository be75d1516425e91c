(module name: (_) @name) @definition.module
(class name: (_) @name) @definition.class
; Point = Struct.new(:x) do … end
(assignment left: (constant) @name right: (call receiver: (constant) @_class method: (identifier) @_new block: (_))
  (#any-of? @_class "Struct" "Class" "Module" "Data") (#any-of? @_new "new" "define")) @definition.class

(program (method name: (_) @name) @definition.function)
(method name: (_) @name) @definition.method
(singleton_method name: (_) @name) @definition.method

(body_statement (assignment left: (constant) @name) @definition.constant)
(program (assignment left: (constant) @name) @definition.constant)

(call method: (identifier) @_require arguments: (argument_list (string (string_content) @import))
  (#any-of? @_require "require" "require_relative" "load" "autoload"))

(call method: (identifier) @call)
