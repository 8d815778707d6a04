"""One module per AWS service: from a resource's properties to what `Ref` and `Fn::GetAtt` give.

Each provider finds again what an earlier run made.
"""
