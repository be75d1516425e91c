(class_definition name: (identifier) @name) @definition.class
(class_definition body: (block [
  (function_definition name: (identifier) @name) @definition.method
  (decorated_definition definition: (function_definition name: (identifier) @name) @definition.method)
  (if_statement consequence: (block [
    (function_definition name: (identifier) @name) @definition.method
    (decorated_definition definition: (function_definition name: (identifier) @name) @definition.method)]))]))
(function_definition name: (identifier) @name) @definition.function
(type_alias_statement left: (type) @name) @definition.type

(import_statement name: [(dotted_name) @import (aliased_import name: (dotted_name) @import)])
(import_from_statement module_name: (_) @import)

(call function: [(identifier) @call (attribute attribute: (identifier) @call)])
