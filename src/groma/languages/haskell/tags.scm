(data_type [name: (_) @name (infix operator: (_) @name)]) @definition.type
(newtype [name: (_) @name (infix operator: (_) @name)]) @definition.type
(type_synonym [name: (_) @name (infix operator: (_) @name)]) @definition.type
(declarations [(type_family name: (_) @name) (data_family name: (_) @name)] @definition.type)
(class [name: (_) @name (infix operator: (_) @name)]) @definition.class
(instance [name: (_) @name (infix operator: (_) @name)]) @definition.instance

; A signature, and each equation of a function (or of a value without arguments), is a definition; each may name an operator.
(class_declarations [
  (_ name: [(variable) @name (prefix_id (_) @name)])
  (signature names: (binding_list [(variable) @name (prefix_id (_) @name)]))
  (function (infix operator: [(operator) @name (infix_id (_) @name)]))] @definition.method)
(instance_declarations [
  (_ name: [(variable) @name (prefix_id (_) @name)])
  (function (infix operator: [(operator) @name (infix_id (_) @name)]))] @definition.method)
(declarations [
  (_ name: [(variable) @name (prefix_id (_) @name)])
  (signature names: (binding_list [(variable) @name (prefix_id (_) @name)]))
  (function (infix operator: [(operator) @name (infix_id (_) @name)]))
  (bind pattern: (_) @name)
  (foreign_import signature: (signature name: (variable) @name))] @definition.function)
(pattern_synonym [(signature synonym: (_) @name) (equation synonym: (apply function: (constructor) @name))]) @definition.constant

(import module: (module) @import)

(apply function: [(variable) @call (qualified id: (variable) @call)])
