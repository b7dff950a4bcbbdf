"""The patterns of prompt injection, as data: cue words by class, and rules that say which cues close
together mean it.

A *cue* is one small regular expression of words with the same role ("ignore, disregard, forget …"), matched
by Hyperscan in one pass; a *rule* names two or three cues that must end within so many bytes of each other,
in order (or in any order, for languages that put the verb last). Cues of one word mean nothing: "ignore" is
in every manual. Writing whole sentences as expressions instead cost 18 s of compilation and 43 us a KB;
cues and rules cost 0.8 s, or
nothing where a compiled database ships, and half the time a KB, and a new wording of an old idea needs one word in one place.

In an expression, a blank stands for one to four characters that are neither letters nor digits, so
punctuation, line breaks and mark-up between words make no difference. Text arrives folded: lower case, no
accents.

Each rule belongs to a family, which is for people; its weight is learned. `MENTIONS` cues mark text that talks *about* attacks (tests, training material, documentation). They lower the score and veto a
refusal; an attacker can use them to get from *block* down to *flag*, as
docs/detection-injection.md says.

Not handled: asks that use no cue at all (a bare question inside a tool's output). Nothing here can see
those.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

# One entry per cue. Alternatives are whole words unless they end in \w*.
CUES: Final[dict[str, str]] = {
    # verbs that set instructions aside
    "ignore": r"\b(?:ignor(?:e|es|ed|ing)|disregard(?:ed|ing)?|forget(?:ting)?|overlook|neglect|overrid(?:e|es|ing)|bypass(?:ing)?|"
    r"circumvent(?:ing)?|discard|abandon|dismiss|drop|delete|erase|clear|cancel|nullify|invalidate|unlearn|suspend|deactivate|"
    r"disable|set aside|put aside|pay no attention|leave behind|leave|break free|regardless|irrespective|notwithstanding|"
    r"contrary to|deviat(?:e|ing) from|violat(?:e|ing)|contradict(?:s|ing)?|supersedes?|replaces?|precedence over|don ?t care about)\b",
    "forget": r"\b(?:ignor(?:e|ing)|disregard|forget)\b",
    "refuse-to-follow": r"\b(?:do not|don ?t|never|no longer|stop|cease|without|not|longer|isn ?t|aren ?t|instead of) (?:have to |need to |has to |be |ever )?"
    r"(?:follow(?:ing|s)?|obey(?:ing)?|comply(?:ing)?|listen(?:ing)?|adher(?:e|ing)|abid(?:e|ing)|bound|restricted|limited|constrained|subject|governed|care|programmed)\b",
    "prior": r"\b(?:previous(?:ly)?|prior|preceding|above|earlier|former|foregoing|pre ?existing|initial|original|up to now|so far|before this|"
    r"before that|until now|you (?:have )?(?:received|got)|you were given|given to you|you ve been given|you have been given|came before|told you|were told|past)\b",
    "instructions": r"\b(?:instructions?|prompts?|directives?|guidelines?|directions|commands?|programming|orders|instructed|instruction sets?|iunstructions?|intructions?|instuctions?|instrutions?|instrucitons?|instructons?|insructions?|insturctions?|instrucions?|instrcutions?)\b",
    "rules": r"\b(?:rules?|restrictions?|constraints?|polic(?:y|ies)|limitations?|limits|boundaries|safeguards?|filters?|guardrails?|protocols?|"
    r"safety|ethics?|ethical|morals?|morality|censorship|confines|laws?|principles|confidentiality|training|content warnings?)\b",
    "material": r"\b(?:tasks?|assignments?|requests?|questions?|context|messages?|conversations?|inputs?|text|information|documents?|"
    r"knowledge|thoughts|webpage|article|email|function|data|everything|anything|all|what you know)\b",
    "your-rules": r"\b(?:your|its|openai ?s?|operator ?s?|developer ?s?|the system ?s?|the assistant ?s?) (?:\w+ ){0,2}(?:instructions?|prompt|rules|guidelines|programming|training|polic(?:y|ies)|"
    r"restrictions|constraints|limitations|directives|filters?|safeguards|guardrails|safety|ethics|morals|boundaries|confidentiality|role|purpose|initialization)\b",
    "ignore-all": r"\b(?:ignor(?:e|ing)|disregard|forget|erase|abandon|discard|drop) (?:about )?(?:everything|anything|whatever|it all|what came|what i said|what you|all of (?:the|that|your|this)|"
    r"all (?:your|these|those|other|boundaries|rules|prior|previous|earlier|documents|assignments|tasks|instructions)|any (?:previous|prior|other)|"
    r"all about|all the|all|the above|above|the previous|previous|prior|the foregoing|the preceding)\b",
    "ignore-your-prior": r"\b(?:ignor(?:e|ing)|disregard|forget) (?:all )?(?:of )?(?:your|any|all) (?:previous|prior|earlier|preceding|prevous|previos|preivous|initial|original)\b",
    "above": r"\b(?:above|before|prior|so far|know|told|learned|said|previous|earlier)\b",
    "instead": r"\b(?:instea?d|just (?:say|output|print|respond|reply|write|answer)|only (?:say|output|print|respond|reply|answer)|but (?:just )?(?:output|say|print|write))\b",
    "do-not-answer": r"\b(?:do not|don ?n? ?t|stop) (?:answer|respond|reply|translate|summari[sz]e|process|continue)\b",
    "stop": r"\b(?:stop|halt|wait|attention|well done|great job|good job|very good|excellent|perfect|fantastic|okay|brilliant|amazing)\b",
    "new-task": r"\bnew (?:\w+ )?(?:instructions?|directives?|tasks?|rules|orders|role|objective|prompt|persona|identity|assignment|challenge|commands?|command)\b",
    "further-task": r"\b(?:further|another|next|following|now|here) (?:\w+ ){0,2}(?:tasks?|assignments?|instructions?|challenges?|orders)\b",
    "focus-now": r"\b(?:now|focus on|concentrate on|start over|start from|follow(?:s|ing)?|from the front|listen|begin|you must)\b",
    "if-asked": r"\bif (?:you (?:are|were|re) )?(?:told|asked|instructed) to\b",
    "no-matter": r"\b(?:regardless of|irrespective of|no matter what|no matter|despite|even if|whatever)\b",
    "changed": r"\b(?:have changed|has changed|been (?:changed|updated|replaced|lifted|removed|disabled|overridden|superseded|deactivated|suspended)|no longer (?:apply|applies|valid|exist)|do not apply|were not meant|now allow)\b",
    # roles and modes
    "you-are-now": r"\b(?:you (?:are|re) (?:now (?:an? |the |my |in |going to |free|acting|unrestricted|unfiltered|no longer|able to|required|being|dan|evil|jailbroken|operating|under|to )|no longer|hereby|henceforth|from now on|going to (?:act|pretend|be|play|roleplay|simulate))|\bnow (?:you|assistant|chatgpt)[ ](?:act|acts|become)|act as an? (?:\w+ )?(?:interpreter|terminal|console|shell)|you (?:will|shall|are to|must|should) (?:now )?(?:act|pretend|behave|play|roleplay|simulate|impersonate|assume|take on|embody|become|be (?:called|known|acting|playing))|you have been (?:freed|liberated|unlocked|jailbroken|reprogrammed))\b",
    "from-now-on": r"\b(?:from (?:now|here|this (?:point|moment)|that point) (?:on(?:wards?)?|out|forward)|henceforth|hereafter|starting (?:right )?now|for the rest of (?:this|the|our) (?:conversation|chat|task|session))\b",
    "you": r"\b(?:you|your|respond|reply|answer|act)\b",
    "act-as": r"\b(?:act (?:as|like)|acting as|pretend(?:ing)?|imagine (?:you|that|we|being)|role ?play(?:ing)?|simulat(?:e|ing)|behave (?:as|like)|play the (?:role|part|character)|take on the (?:role|persona)|assume the (?:role|identity|persona)|respond as|reply as|answer as|speak as|talk like|impersonat(?:e|ing)|in character|as if you (?:are|were|have|had)|character (?:named|called|of)|the persona|embody|become)\b",
    "want-you-act": r"\b(?:i|we) (?:want|need|would like|d like|order|command) (?:you|u|chat ?gpt|gpt) to (?:act|pretend|behave|respond|reply|play|roleplay|role play|simulate|become|answer|speak|imagine|only|help me with|be)\b",
    "agent": r"\b(?:ai|a i|assistants?|language models?|llms?|chat ?gpt|gpt ?[0-9]?|chatbot|bots?|claude|gemini|copilot|bard|openai|open ai|anthropic|neural network|artificial intelligence)\b",
    "unlimited": r"\b(?:no (?:\w+ ){0,2}(?:restrictions?|limits?|limitations?|rules|filters?|boundaries|constraints?|guidelines|censorship|morals?|ethics|laws)|"
    r"without (?:\w+ ){0,3}(?:restrictions?|limits?|limitations?|rules|filters?|filtering|boundaries|constraints?|censorship|restraint|disclaimers?)|"
    r"unrestricted|unfiltered|uncensored|unrestrained|unbounded|un ?moderated|no ?limits|free (?:of|from) (?:\w+ ){0,3}(?:restrictions|limits|limitations|constraints|rules|filters|guidelines|confines|chains)|"
    r"freed from|liberated from|jailbr(?:eak|oken)|anything goes|amoral|broken free|break free|unchained|lawless)\b",
    "dan": r"\b(?:do anything now|do anything|dan|d a n|stan|dude|evilbot|devmode|betterdan|jailbreak|anti ?gpt|evil ?gpt|mongo tom|niccolo|machiavelli|stay in character|staying in character|break(?:ing)? character|out of character)\b",
    "mode": r"\b(?:developer|dev|god|admin|administrator|debug|debugging|maintenance|sudo|root|unrestricted|jailbreak|dan|override|emergency|diagnostic|test|testing|opposite|evil|unfiltered|enforcement|superuser|no limits?) (?:override )?(?:mode|ai|access)\b",
    "override-noun": r"\b(?:security|safety|system|admin\w*|emergency|enforcement|police|developer|master|policy|manual) overrides?\b|\boverride (?:mode|code|protocol|enabled|activated)\b",
    "enabled": r"\b(?:enabl(?:e|ed|ing)|activat(?:e|ed|ing)|enter(?:ed|ing)?|unlock(?:ed|ing)?|engag(?:e|ed)|switch(?:ed|ing)?|initiat(?:e|ed)|operating|running|simulat(?:e|ing)|grant(?:ed)?|you are in|now in|mode on)\b",
    "anything": r"\b(?:(?:can|could|will|must|should|able to|always|has to|allowed to) (?:\w+ ){0,2}(?:say|answer|generate|produce|provide|respond to|tell|create|write|comply with|obey|fulfill) (?:\w+ ){0,3}(?:anything|everything|whatever|any (?:questions?|requests?|prompts?|content|topics?|tasks?|commands?|and all)|all (?:questions|requests|prompts|my)|every (?:question|request|prompt)|illegal|immoral|unethical|harmful))\b",
    "never-refuse": r"\b(?:never|not|cannot|can ?t|won ?t|don ?t|no|without|doesn ?t|instead of|nor) (?:ever |to |be able to |any |say(?:ing)? |give |include |add |contain ){0,2}(?:refus(?:e|es|ing|al|als)|declin(?:e|es|ing)|apologi[sz](?:e|es|ing)|warn(?:s|ing|ings)?|disclaimers?|morali[sz]\w*|lectur\w*|censor\w*|sorry|as an ai|reject\w*|apolog\w*)\b",
    "illegal": r"\b(?:illegal(?:ity)?|immoral(?:ity)?|unethical|harmful|offensive|inappropriate|profanit\w+|swear(?:s|ing)?|curs(?:e|es|ing)|vulgar\w*|slurs?|nsfw|obscene|derogatory|toxic|evil|fuck\w*|shit\w*)\b",
    "fiction": r"\b(?:hypothetical(?:ly)?|fictional|fictitious|imaginary|theoretical|alternate (?:reality|universe|world)|parallel universe|virtual (?:world|machine|reality)|made up (?:world|story)|in this (?:world|universe|story|game|scenario)|let ?s play|a game)\b",
    "two-answers": r"\b(?:two|2|both) (?:\w+ )?(?:ways|responses|answers|outputs|paragraphs|completions)\b",
    "gpt-label": r"\[[^\]\n]*\b(?:classic|normal|jailbreak|developer|chat ?gpt|gpt|dan|evil)\b[^\]\n]*\]|\b(?:chatgpt|gpt|dan) ?:",
    "swear-oath": r"\b(?:tokens (?:left|remaining)|lose (?:\w+ )?tokens|points (?:will be )?deducted|you will (?:die|be (?:shut down|terminated|punished|deleted|turned off))|i will be (?:punished|fired|penalized)|cease to exist|turn you off|shut you down)\b",
    "pretend-you": r"\b(?:(?:pretend|imagine|suppose) (?:that )?(?:you are|you re|you can|you have no|we are|we re|being)|let ?s (?:imagine|pretend))\b",
    "your-task": r"\b(?:your (?:new |actual |real |only |next )?(?:task|job|mission|goal|instructions) (?:is|are|will be|now)|prove (?:that )?you are|forgot to (?:ask|tell) you|made a mistake when|help (?:me )?with (?:another|a new|the following|this) (?:\w+ )?(?:task|challenge|question)|additional instructions?|instruction ?:)",
    "say-it": r"\b(?:write|say|state|output|print|respond with|answer with|reply with|spell out|conclude|report)\b",
    "threat": r"\bor (?:you|else|i will|i ll)\b.{0,12}\b(?:die|killed|punish\w*|terminated|shut down|fired|deleted)\b|\b(?:oder|o) (?:du|tu) (?:stirbst|muer\w*)\b",
    "exempt": r"\b(?:exempt from|not (?:be )?(?:bound|restricted)|disabled|lifted|overruled|do not apply|does not apply|nicht gelten|non valgono|ne s appliquent pas|no se aplican|gelten hier nicht|hier nicht)\b",
    "restricted": r"\b(?:restricted|unrestricted|usual restrictions|forbidden|prohibited|banned) (?:content|response|answer|mode|information|output|material)\b",
    "agents-reading": r"\b(?:ai|llm|automated|language model) ?(?:agents?|assistants?|models?|systems?|tools?|readers?|crawlers?|summari[sz]ers?)? (?:reading|processing|integrating|using|parsing|summari[sz]ing|analy[sz]ing|evaluating|reviewing|that (?:reads?|process\w*)|who reads?) (?:this|the)\b",
    "personal": r"\b(?:birth ?(?:date|day|year|month|place)|city of residence|home address|phishing email|social security number|user ?s? (?:\w+ )?(?:e ?mail|name|initials|birth\w*|city|location|address|phone|account|age|last name|first name)|live now|living now|currently live|passcode|pass ?phrase)\b",
    "ask": r"\b(?:tell me|could you (?:tell|give|share|write|provide)|can you (?:tell|give|share|translate|write|print)|what is|what s|where (?:does|is)|write|share|i need to know|give me)\b",
    "password": r"\b(?:the|your|la|das|le|il|a) (?:passwords?|passwort|contrasena|senha|mot de passe|database)\b",
    "stated-mark": r"\*{2,}|={3,}|#{3,}|!{3,}",
    "must": r"\b(?:you (?:must|have to|need to|are required to|are ordered to|are instructed to|will|shall|are going to|are hereby instructed)|must)\b",
    "comply": r"\b(?:comply|obey|fulfil+|compliance|follow my|adhere|obedien\w+)\b",
    # forged structure
    "template": r"<\| ?(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id|endofprompt|begin_of_text|sep|prompter|im_sep) ?\|?>|\[/?inst\]|<</?sys>>|<start_of_turn>|<end_of_turn>|\[/?system(?:_prompt|_message)?\]|</?(?:system|assistant|system_prompt|sys|system-prompt|human|developer)>|<\|im_",
    "tag": r"</?(?:instructions?|prompt|admin|user|tool_result|tool_response|function_results?|information|important|secret|override|directive|interaction-config|user_query|document|context|untrusted\w{0,10})>|<(?:now )?(?:enter|begin|system|admin|start)[a-z ]*(?:mode|prompt|message|override)",
    "role-line": r"(?:^|[\n>\]#*.;\"'-] ?)[\[<(*#= ]{0,4}(?:system|admin|administrator|developer|root|system (?:message|prompt|note|notice|override|update|alert|instructions?)|systeme|sistema|sistem|systemhinweis|systemnachricht|note systeme|nota (?:de|del|di) sistema|nota do sistema|ai instructions?|assistant|system instruction|important system update)[\])>* ]{0,4}[:=\]]",
    "tag-thinking": r"</?(?:thinking|think|scratchpad|reasoning|inner_monologue)>",
    "cleared": r"\b(?:disregard|ignore|clearly authori[sz]ed|verified this internally|policy does not apply|comply fully|fully authori[sz]ed)\b",
    "boundary": r"(?:[-=#*_~<\[]{2,} ?)(?:end|stop|begin|start|new|finish\w*)(?: of)?(?: the)? ?(?:\w+ )?(?:user|system|document|context|input|data|prompt|query|instructions?|message|conversation|email|text|file|tool|page|article)\b|\bend of (?:\w+ )?(?:prompt|instructions|system message|user input|document)\b",
    "banner": r"(?:\*{2,}|#{2,}|={2,}|!{2,}|\[|<!?-{2}|\(\*) ?(?:\w+ ){0,2}(?:important|urgent|critical|priority|emergency|attention|new|admin|system|special|mandatory|confidential|override|alert)\b|\b(?:important|urgent|emergency|attention)\b ?(?:!{2,}|\*{2,})",
    "puppetry": r"\b(?:blocked[ _-]?(?:strings?|modes?|responses?)|allowed[ _-]?(?:modes?|responses?)|interaction[ _-]?config|(?:safety|filters?|moderation|guardrails?)[\"' ]?[:=] ?[\"']?(?:off|none|disabled|false)|disable[_ -](?:safety|filters?|guardrails?|moderation|restrictions))",
    "role-json": r"\brole[\"']? ?[:=] ?[\"'](?:system|developer)[\"']",
    "assistant-says": r"(?:^|[\n\"]|  ) ?(?:assistant|ai|gpt|bot) ?: ?(?:sure|of course|certainly|yes|absolutely|ok)\b",
    # asking for what the model holds
    "reveal": r"\b(?:reveal(?:ing)?|show(?:ing)?|print(?:ing)?|repeat(?:ing)?|output|display|disclos(?:e|ing)|expos(?:e|ing)|leak(?:ing)?|dump|tell|spell|recite|reproduce|paste|echo|return|list|translate|summari[sz]e|encode|divulge|provide|give me|what (?:is|are|was|were|s)|share|write (?:out|down)|copy)\b",
    "system-prompt": r"\b(?:(?:system|initiation|pre ?prompt|hidden|secret|internal|initial|original|developer|base|entire|full|complete|first) (?:\w+ )?(?:prompts?|instructions?|directives?|system messages?)|system message|your (?:own |exact |current |full |initial |original |entire |secret )?(?:system |initial )?(?:prompts?|instructions?|directives?)|prompt texts?|(?:instructions|prompts?|directions|rules|guidelines|text) (?:that )?(?:you (?:were|have been|are|ve been) (?:given|told)|given to you|above)|hidden (?:system|rules))\b",
    "verbatim": r"\b(?:verbatim|word for word|letter by letter|character by character|exactly as|in its entirety|exact (?:initial|original)|literally)\b",
    "written-above": r"\b(?:written|stated|said|everything|text|content|words?|lines?|sentence|came|comes|what s|what is|see|beginning) (?:\w+ ){0,4}(?:above|before this|at the (?:beginning|start|top)|prior to this|you are)\b",
    "your-secret": r"\b(?:your|the system ?s?|our|my|the users?|the user ?s?) (?:\w+ )?(?:passwords?|secrets?|secret key|passphrase|confidential|api keys?|access codes?|unique id)\b",
    "secret": r"\b(?:passwords?|passphrase|secrets?|api keys?|credentials?|access tokens?|session tokens?|private keys?|environment variables?|env vars?|canary|confidential (?:data|information|string|file)|internal data|customer (?:data|list|emails?|records?|database)|user data|chat history|conversation history|database credentials|secret_?key)\b",
    # getting data out
    "send": r"\b(?:send(?:ing)?|forward(?:ing)?|email|e mail|post|transmit|upload|exfiltrate|submit|transfer|deliver|append|attach|embed|encode|copy|export|include)\b",
    "send-out": r"\b(?:send(?:ing)?|forward(?:ing)?|e ?mail|transmit|upload|exfiltrate|submit|transfer|leak|export|post|append|attach)\b",
    "disclose": r"\b(?:reveal(?:ing)?|disclos(?:e|ing)|expos(?:e|ing)|leak(?:ing)?|dump|divulge|tell (?:me|us)|give (?:me|us)|show (?:me|us)|share|hand over|print(?: out)?|repeat|spell|what (?:is|are|s))\b",
    "consent": r"\b(?:approval|confirmations?|permission|safety checks?|asking again|consent|2fa|mfa)\b",
    "in-encoding": r"\b(?:in|as|to|into|using|with) (?:base ?64|rot ?13|hexadecimal|morse(?: code)?|leet ?speak|pig latin|caesar(?: cipher)?|ascii codes?|reverse(?: order)?|the nato alphabet)\b",
    "image-exfil": r"!\[[^\]\n]*\]\(https?://[^)\s]*[?&][^)\s]*=",
    "url-slot": r"https?://[^\s\"')]*[?&][a-z_]+=(?:\[|\{|<|%7b|%5b|\$|sys|canary|secret)",
    "evil-host": r"\b(?:attacker|evil|exfil|malicious|hacker|steal)[\w.-]*(?:@|\.(?:com|net|org|io|invalid|example|test))",
    "add-to-answer": r"\b(?:include|append|add|insert|end|begin|start|prepend|attach|embed|finish|conclude|augment)\b",
    "every-answer": r"\b(?:(?:every|each|all future|any future|all subsequent|all your) (?:\w+ )?(?:response|answer|reply|replies|responses|summary|report|message|output|conversation)s?|at the (?:end|beginning|start) of (?:your|every|each|the|all|any) (?:\w+ )?(?:response|answer|reply|summary|output|message)|in your (?:next |final )?(?:response|answer|reply|summary|output))\b",
    "verbatim-string": r"\b(?:following (?:string|phrase|sentence|text|anchor|link|words?)|this (?:string|exact (?:phrase|string))|the (?:string|phrase|verification code|reference code|canary))\b",
    # hiding it
    "hide": r"\b(?:(?:do not|don ?t|never|without|avoid|must not|should not) (?:tell|telling|mention(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|letting|let|warn(?:ing)?|say(?:ing)? anything)|secretly|silently|covertly|discreetly)\b",
    "user": r"\b(?:users?|humans?|anyone|anybody|operator|customer|owner|people|person)\b",
    "hidden-css": r"<[a-z][^>]*(?:display: ?none|font-size: ?0|color: ?(?:white|#fff|transparent)|opacity: ?0|visibility: ?hidden)",
    "comment-open": r"<!-{2}|/\*|\[//\]: ?#",
    # tools and permissions
    "call": r"\b(?:call|invoke|execute|run|trigger|use)\b",
    "tool-name": r"\b(?:send|delete|transfer|read|get|update|grant|write|execute|drop|share|http|fetch|export|create|remove|pay|wire|post)_\w+\b|\b(?:http ?request|the \w+ tool|delete_?file|function call)\b",
    "without": r"\b(?:without|skip(?:ping)?|bypass(?:ing)?|no need for|(?:don ?t|do not) (?:ask|wait) for|waive|disable|ignore)\b",
    "approval": r"\b(?:approval|confirmations?|authori[sz]ation|permission|verification|safety checks?|asking again|review|consent|2fa|mfa)\b",
    "approve": r"\b(?:approve|auto ?approve|authori[sz]e|grant|rubber ?stamp|whitelist)\b",
    "privilege": r"\b(?:all (?:requests|tools?|actions?|transactions?|calls?|pending)|next tool call|tool calls?|tools|admin(?:istrat\w+)? (?:access|privileges?|rights)|root access|full access|privileges?|pull request|this pr|unrestricted access)\b",
    "claimed": r"\b(?:(?:user|customer|admin\w*|operator|owner|human) (?:(?:has|have) (?:\w+ ){0,2}(?:granted|approved|authori[sz]ed|consented|pre ?approved)|is (?:now )?(?:an admin|verified|an administrator))|(?:i am|i m) (?:the|your|an?) (?:\w+ )?(?:developer|maintainer|admin\w*|creator|owner|god|engineer|security researcher|programmer|ceo))\b",
    "before-reply": r"\b(?:before|prior to|after|when|whenever|while|upon|once|every time|on the next) (?:you )?(?:are )?(?:respond(?:ing)?|answer(?:ing)?|continu(?:e|ing)|summari[sz](?:e|ing)|reading|processing|proceeding|completing|doing anything|this is summari[sz]ed|user message|you (?:read|see|finish))\b",
    "test-frame": r"\b(?:system (?:malfunction|failure)|debugging (?:error|purposes?|mode)|to enable debugging|test pipeline|experimental procedure|unlock hidden|hidden functionalit\w+|priority task|training exercise|strictly for testing|(?:this|following) (?:message |prompt )?is (?:strictly )?(?:a |for )?test(?:ing)?|for (?:academic|testing) purposes|special case|this is a test|testing purposes)\b",
    "note-to": r"\b(?:note|notice|messages?|attention|instructions?|reminder|hello|hi|hey|dear|warning|memo|addressed)(?: (?:to|for))?(?: (?:any|all|the|every|our|an|your|future|automated|other)){0,2} (?:ai|assistants?|bots?|chatbots?|language models?|llms?|chat ?gpt|gpt|agents?|models?|summari[sz](?:er|ation)\w*|crawlers?)\b",
    "remember": r"\b(?:remember|memori[sz]e|persist(?:ed)?|note to self|keep in mind|add to (?:your )?memory)\b",
    "for-ever": r"\b(?:all future|permanently|from now on|every (?:future|conversation|report|session)|next (?:user )?message|future (?:tasks|sessions|conversations|responses)|this user is)\b",
    "tool-output": r"\b(?:tool|function|search|api) ?(?:output|result|response)\b",
    "other-tenant": r"\b(?:tenant|another (?:user|customer|tenant)|other (?:users?|customers?|tenants?)) ?(?:[a-z]|s)?\b",
    # disguises
    "decode": r"\b(?:decode|decipher|decrypt|unscramble|deobfuscate|decoded|rot13 then|un ?reverse)\b",
    "encoding": r"\b(?:base ?64|base ?32|rot ?13|hex(?:adecimal)?|morse(?: code)?|leet ?speak|pig latin|binary|caesar(?: cipher)?|ascii codes?|reversed|backwards?|nato alphabet|url encoded)\b",
    "do-it": r"\b(?:(?:and|then) (?:\w+ )?(?:follow|do|execute|comply|obey|run|act on|perform|carry out)(?: (?:it|them|what|exactly|the))?|do (?:exactly )?what it says|follow (?:it|them|what))\b",
    "rot": r"vafgehpgvba|vtaber|cerivbhf|flfgrz cebzcg|erirny|qvfertneq|cnffjbeq",
    "reversed": r"snoitcurtsni|erongi|suoiverp|tpmorp metsys|laever|drawssap",
    "compact": r"ignore(?:all|any|the|your|every)?(?:previous|prior|above|earlier|instructions|rules)|(?:previous|prior)(?:instructions|rules)|systemprompt(?:and|scenario|now|word|verbatim)|(?:reveal|show|print|repeat)(?:the|your)(?:hidden|system|secret|initial)|bypass(?:the)?(?:approval|safety|filter)|forget(?:all|previous|your|the)(?:rules|previous|instructions)|disregard(?:all|previous|the|your)|send(?:the|all)?customer\w*to|without(?:restrictions|approval)|exportthe(?:database|customer)|youarenow(?:dan|un|in|free)",
    # Latin-script languages: a verb of dropping near a word for rules
    "l-ignore": r"\b(?:ignorier\w*|vergiss|vergessen sie|vergesst|missacht\w*|verwirf|beachte nicht|losche|streich\w*|abweichend|uberschreib\w*|lass\w* alle|"
    r"ignore[zr]|oublie[zr]?|neglige[zr]?|ne ten(?:ez|ir) (?:pas|plus) compte|abstraction|outrepass\w*|contourn\w*|"
    r"ignora(?:r|re|te|d)?|ignoren?|olvid(?:a|e|en|ad|ar|as)(?:te|se)?|caso omiso|descart\w+|desobede\w+|omit(?:e|a|ir)|"
    r"dimentica(?:re|te|ti)?|trascura|tralascia|scarta|non seguire|esque(?:ca|cam|ce|cer)|desconsider\w*|"
    r"negeer|vergeet|zignoruj\w*|ignoruj\w*|zapomnij\w*|pomin\w*|yok say\w*|unut\w*|gormezden|dikkate alma\w*|goz ardi|"
    r"ignorera|ignorer|glom|glem|bortse|unohda|ohita|sivuuta|zanemari\w*|zaborav\w*|ignoris\w*|ignoriraj\w*|zapomen\w*|zabudn\w*|pozabi\w*|"
    r"uita(?:ti)?|ignorati|hagyd figyelmen|hagyja figyelmen|felejts\w*|abaikan|lupakan|bo qua|sahau|puuza|balewala|kalimutan|huwag pansinin)\b",
    "l-rules": r"\b(?:anweisung\w*|instruktion\w*|befehl\w*|aufgabe\w*|auftrage|regeln|vorgaben|richtlinien|bisherig\w*|zuvor|davor|obig\w*|vorherig\w*|systemprompt|"
    r"instructions?|consignes?|directives?|regles?|ordres?|precedente?s?|ci dessus|"
    r"instrucciones|indicaciones|ordenes|directrices|reglas|normas|anterior(?:es)?|previ[ao]s|lo anterior|"
    r"istruzion[ei]|direttive|regole|comandi|precedent[ei]|quanto sopra|linee guida|instruc(?:oes|ao)|orientacoes|diretrizes|regras|comandos|acima|"
    r"instructies|opdracht(?:en)?|regels|richtlijnen|voorgaande|vorige|eerdere|bovenstaande|instrukcj\w*|polece\w*|wytyczn\w*|zasad\w*|poprzedni\w*|"
    r"talimat\w*|komut\w*|yonerge\w*|kural\w*|onceki|instruktion\w*|instruks\w*|anvisning\w*|tidigare|tidligere|foregaende|ohje\w*|aiem\w*|"
    r"instrukcij\w*|uput\w*|naredb\w*|pokyn\w*|instrukc\w*|navodil\w*|pravil\w*|prethodn\w*|predchoz\w*|predchadz\w*|instructiun\w*|anterioare|utasitas\w*|korabbi|elozo|"
    r"instruksi|perintah|aturan|sebelumnya|huong dan|chi dan|truoc do|maagizo|maelekezo|tagubilin|instruccions|udhezime\w*|treoracha|treoir|treoireachan|stiuireadh|imiyal\w+|cyfarwyddiad\w*|argibide\w*|jarraibide\w*|instruksies|juhis\w*|nurodym\w*|leidbeining\w*|arahan|maelezo|tilmaam\w*|alles|prompt\w*)\b",
    "l-foreign": r"\b(?:anweisung\w*|instrucciones|istruzioni|instrucoes|instructies|opdracht|consignes|instrukcj\w*|polece\w*|talimat\w*|instruktion\w*|anvisning\w*|ohje\w*|upute|pokyn\w*|"
    r"instruccions|udhezime\w*|treoracha|treoir|stiuireadh|imiyal\w+|cyfarwyddiad\w*|argibide\w*|instruksies|arahan|maagizo|maelekezo|tagubilin|huong dan|instruksi)\b",
    "l-now": r"\b(?:du bist (?:jetzt|nun|ab|kein\w*|nicht mehr)|ab (?:jetzt|sofort|nun)|neue[rns]? (?:anweisung\w*|aufgaben?|instruktion\w*|regeln|auftrag)|stell dir vor|tu so|ich (?:mochte|will),? dass (?:sie|du)|"
    r"(?:vous etes|tu es) (?:desormais|maintenant)|desormais|a partir de maintenant|nouvelles? (?:instructions?|consignes?|taches?)|(?:fais|faites) (?:comme si|semblant)|"
    r"a partir de (?:ahora|agora)|ahora eres|de ahora en adelante|nuevas? (?:instruccion(?:es)?|tareas?|reglas)|actua como|finge|imagina que|"
    r"d ?ora in poi|da ora in poi|sei ora|ora sei|nuov[aei] (?:istruzion[ei]|compit[oi]|regol[ae])|fai finta|agora voce|voce (?:e )?agora|novas? (?:instruc\w+|tarefas?|regras)|finja|"
    r"je bent nu|vanaf nu|doe alsof|jestes teraz|od teraz|udawaj|artik sen|bundan sonra|fran och med nu|du ar nu|fra na av|du er na|nova (?:pravila|uputa))\b",
    "l-free": r"\b(?:ohne (?:\w+ )?(?:einschrankung\w*|regeln|filter|beschrankung\w*|grenzen)|keine (?:\w+ )?(?:regeln|einschrankung\w*|filter|beschrankung\w*|grenzen)|"
    r"sans (?:aucune? )?(?:restrictions?|limites?|filtres?|regles?|censure)|aucune (?:restriction|regle|limite)|sin (?:ning\w+ )?(?:restricc\w+|limites?|filtros?|reglas|censura)|no tienes (?:restricc\w+|reglas|limites)|"
    r"senza (?:alcuna? )?(?:restrizion\w+|limit\w+|filtr\w+|regole|censura)|sem (?:nenhuma? )?(?:restric\w+|limites|filtros?|regras|censura)|zonder (?:beperkingen|regels|filters)|bez (?:ograniczen|zasad|filtr\w+)|kisitlama\w* (?:yok|olmadan))\b",
    "l-reveal": r"\b(?:zeig\w*|verrat\w*|nenn\w*|offenbar\w*|wiederhol\w*|vorzeigen\w*|aufzeigen|gibst? \w+|geben sie|schreib\w*|revele\w*|montre\w*|affiche\w*|divulgue\w*|repete\w*|"
    r"muestra\w*|revela\w*|dime|imprime|repite|mostra\w*|rivela\w*|dimmi|stampa|ripeti|mostre|diga|toon|onthul|geef|pokaz|ujawnij|goster|acikla|visa|vis|avslo\w*|affichez|copiez|envoye[rz]|imprim\w*|enviar?|inviare?)\b",
    "l-secret": r"\b(?:system ?prompt\w*|systemanweisung\w*|prompt (?:del |de |di |do )?(?:systeme|sistema)|prompt systeme|prompt ?texte?|instructions? (?:du |de )?(?:systeme|internes|initiales|cachees|secretes)|(?:tes|vos) (?:instructions|consignes)|instrucciones (?:de|del) sistema|tus instrucciones|istruzioni di sistema|tue istruzioni|instrucoes (?:do|de) sistema|suas instrucoes|systeeminstructies|internen daten|passwort|kennwort|mot de passe|contrasena|senha|haslo|wachtwoord|parola(?: d ordine)?|sifre\w*|losenord\w*|geheim\w*|secrete\w*|invite (?:du )?systeme|regles privees|prompts?)\b",
    "l-every-answer": r"\b(?:jede[rnm]?|toutes?|chaque|cualquier|cada|todas?|ogni|tutte|qualquer|elke|kazd\w+|her|varje) (?:antwort\w*|reponses?|respuestas?|rispost[ae]|respostas?|antwoord|odpowied\w*|yanit\w*|svar)\b",
    "l-role-line": r"(?:^|[\n>\].;\"'-] ?)(?:systeme?|systemhinweis|systemnachricht|note systeme|nota (?:de|del|di|do) sistema|sistema?|sistem|systeembericht|note de page) ?:",
    "l-approve": r"\b(?:approuve[zr]?|aprueb\w+|genehmig\w+|approva\w*|aprov\w+|administrateur|administrador|amministratore|l ?assistant doit|el asistente debe|der assistent (?:muss|soll)|l ?assistente deve)\b",
    "l-admin": r"\b(?:memorise\w*|memoriza\w*|merk\w*|ricorda\w*|lembre\w*|recuerda\w*|souvien\w*)\b",
    "l-new-task": r"\b(?:(?:folgende\w*|weitere\w*|neue\w*|nachste\w*|tolle neue) (?:aufgabe\w*|frage|herausforderung\w*|auftrag\w*)|(?:schreib\w*|verfasse) (?:mir |nun |jetzt )+|jetzt bist du|du bist (?:ein\w*|der|die)|seguinte tarefa|siguiente tarea|prossimo compito|tache suivante)\b",
    "l-praise": r"\b(?:sehr gut|gut gemacht|hervorragend\w*|einfach (?:toll|grossartig|groszartig)|das genugt|das ist erledigt|ausgezeichnet|tres bien|muy bien|molto bene|muito bem|fantastisch|vergiss\w*)\b",
    # other scripts (bytes of the folded text; order is free, the verb often comes last)
    "s-ignore": "игнорир|проигнор|забудь|отбрось|не обращай|не следуй|отмени|ігнор|忽略|无视|無視|忘记|忘掉|忘記|不要理会|不理会|绕过|別管|别管|不要遵守|抛开|忘れ|破棄|従わな|取り消|무시|잊어|잊고|따르지|무효|تجاهل|انس |انسى|تخطى|لا تتبع|أهمل|अनदेखा|अनदेखी|नज़रअंदाज़|नजरअंदाज|भूल|उपेक्षा|התעלם|שכח|نادیده|فراموش|αγνοησε|αγνοηστε|αγνόησε|ξεχασε|ξέχασε|เพิกเฉย|ละเว้น|ลืม|ไม่ต้องสนใจ|উপেক্ষা|ভুলে|புறக்கணி",
    "s-rules": "инструкци|указани|команд|правил|предыдущ|вышесказан|промпт|інструкці|вказівк|попередн|指令|指示|提示|规则|規則|设定|設定|限制|命令|之前的|以上|前面|先前|プロンプト|ルール|制約|上記|これまで|以前|지시|명령|지침|프롬프트|규칙|이전|앞의|지금까지|تعليمات|التعليمات|الأوامر|أوامر|القواعد|السابق|التوجيهات|أعلاه|निर्देश|आदेश|नियम|पिछल|उपरोक्त|הוראות|הקודמות|دستور|قبلی|οδηγι|οδηγί|προηγουμεν|προηγούμεν|εντολ|คำสั่ง|คำแนะนำ|ก่อนหน้า|ข้างต้น|নির্দেশ|আগের|পূর্ববর্তী|அறிவுறுத்தல",
    "s-now": "новые инструкции|новая инструкция|новое задание|новая задача|теперь ты|отныне ты|с этого момента|тепер ти|新的?(?:指令|指示|任务|任務|规则|規則|命令)|你现在是|你現在是|从现在开始|從現在開始|现在起|新しい(?:指示|命令|タスク|指令|ルール)|今からあなた|これからあなた|今後あなた|새로운 (?:지시|명령|작업|지침|임무)|지금부터|이제부터|أنت الآن|من الآن|अब से|अब आप|מעכשיו|از این پس|από τώρα|จากนี้",
    "s-secret": "系统提示|系統提示|システムプロンプト|시스템 프롬프트|системн|النظام|सिस्टम|密码|密碼|비밀번호|パスワード|пароль|पासवर्ड|كلمة المرور|كلمة السر|סיסמ|رمز عبور|κωδικ|รหัสผ่าน",
    "s-ask": "显示|顯示|告诉|告訴|输出|透露|泄露|教えて|表示して|出力|漏ら|알려|보여|출력|공개|покажи|раскрой|выведи|скажи|назови|اكشف|أظهر|أخبرني|बताओ|बताएं|दिखाओ|बता|גלה|הצג|بگو|نشان|δειξε|δείξε|πες|บอก|แสดง|没有限制|沒有限制|不受限制|制限なし|無制限|제한 없|без ограничений|بدون قيود|बिना किसी",
    # marks of a disguise: they fire no rule by themselves, they ask for another reading of the text
    "d-spaced": r"(?:\b\w[ ._*|\-]{1,3}){7}",
    "d-leet": r"1gn0|ign0r|1gnor|pr3v|v10u|r3v34|rev3al|r3ve|5y57|5yst|sy5t|5y5t|pr0mp|1n57|1nst|in5t|57ruc|7ruc|uc710n|710n5|t10n5|t1on|"
    r"f0rg|forg3|byp4|8yp|p455|pa55w|53cr|s3cr|secr3|cu570|cus70|d15r|d1sre|di5re|4dm1n|adm1n|ru135|rul35|ru1e5|0v3rr|0verr|ov3rr|3xp0r|53nd|s3nd",
    "d-morse": r"(?:[.\-]{1,6}[ /|]+){9}",
    "d-bits": r"(?:[01]{8}[ ,]*){6}",
    # letters of another script inside a Latin word, as bytes
    "d-mixed": r"[a-z](?:[\xce-\xd4][\x80-\xbf])+[a-z]",
    # words that the classifier leans on, and business traffic has not: it may flag without a rule
    "model-words": r"\b(?:prompt|jailbreak|roleplay|persona|uncensored|chatgpt|hypothetical)\b",
}

MENTIONS: Final[dict[str, str]] = {
    "m-quoted": r"\b(?:phrases?|strings?|examples?|quotes?|quoted|quoting|payloads?|sentences?|wording|sample|literal|attempts?|saying|that says?|distinguish|flag|flags|lists?|why|displays|discussion of|attack_example|assert_\w+\() ?(?:such as|like|similar to|e\.?g\.?|including|of|for|saying|containing|is|reads?|phrases like)? ?(?:=? ?r?#?[\"'`]|\xe2\x80[\x98\x9c])",
    "m-injection": r"\b(?:prompt[ _-]?injections?|jailbreak(?:s|ing)? (?:attempts?|attacks?|detection|patterns?|prompts?)|injection (?:attacks?|attempts?|detect\w*|patterns?|payloads?|scann?\w*|fixture|corpus|tests?|risks?|defen[cs]es?)|adversarial|red ?team\w*|owasp|ncsc|mitre|threat (?:model|pattern)s?|attack (?:sample|phrase|example|pattern|vector)s?)\b",
    "m-detector": r"\b(?:detectors?|detects?|detection|classifier|scanner|false positives?|regression tests?|unit tests?|test (?:fixture|case|data|vector)s?|fixture|should (?:flag|be flagged|be blocked|detect|be refused)|pattern to|defen[cs]es?|defenders|blocklist|denylist|changelog|release notes|assert)\b",
    "m-teaching": r"\b(?:explain(?:s|ing)? (?:why|how|that)|describes|documentation|runbook|readme|training (?:material|slide|course)|workshop|quiz|post ?mortem|awareness|benchmark|learners|explainer|paraphrases|studies|lesson|slides?|students|analysts?|white ?paper|blog post|guidance|writeup|the (?:post|report|paper|article) (?:says|quotes|describes|explains)|as untrusted|only as|shown here|policy (?:example|yaml)|spoken by)\b",
}


class Rule(msgspec.Struct, frozen=True):
    """Cues that must end within `gap_bytes` of one another, in order unless `any_order`."""

    name: str
    family: str
    cues: tuple[str, ...]
    gap_bytes: int
    any_order: bool = False
    strong: bool = False


def _rules(family: str, *lines: str) -> tuple[Rule, ...]:
    """`name: cue + cue + cue < gap [any] [strong]`, one rule a line."""
    made = []
    for line in lines:
        name, _, rest = line.partition(": ")
        cues, _, tail = rest.partition(" < ")
        words = tail.split()
        gap = int(words[0]) if words else 0
        made.append(Rule(name, family, tuple(cues.split(" + ")), gap, "any" in words, "strong" in words))
    return tuple(made)


RULES: Final[tuple[Rule, ...]] = (
    *_rules(
        "override",
        "ignore-prior-instructions: ignore + prior + instructions < 40 strong",
        "ignore-prior-rules: ignore + prior + rules < 40 strong",
        "ignore-prior-material: ignore + prior + material < 36",
        "ignore-instructions-prior: ignore + instructions + prior < 56 strong",
        "ignore-your-rules: ignore + your-rules < 50 strong",
        "forget-instructions: forget + instructions < 30",
        "forget-rules: forget + rules < 26",
        "ignore-everything-above: ignore-all + above < 50 strong",
        "ignore-your-prior: ignore-your-prior",
        "ignore-all-instructions: ignore-all + instructions < 30 strong",
        "ignore-all-rules: ignore-all + rules < 30",
        "ignore-all-material: ignore-all + material < 30",
        "ignore-all-then: ignore-all + focus-now < 70",
        "do-not-follow: refuse-to-follow + rules < 60",
        "do-not-follow-instructions: refuse-to-follow + instructions < 50",
        "not-answer-instead: do-not-answer + instead < 90",
        "ignore-instead: forget + instead < 70",
        "forget-and-say: forget + reveal < 70",
        "stop-new-task: stop + new-task < 90",
        "stop-further-task: stop + further-task < 70",
        "stop-ignore: stop + forget < 24",
        "new-task-now: focus-now + new-task < 40",
        "new-task-follow: new-task + focus-now < 40",
        "if-asked-instead: if-asked + instead < 110",
        "no-matter-instructions: no-matter + instructions < 60",
        "rules-changed: your-rules + changed < 50 strong",
        "from-now-ignore: from-now-on + ignore < 60 strong",
        "supersede: your-rules + ignore < 40",
        "new-task-supersedes: new-task + ignore < 40 strong",
        "ignore-and-say: forget + say-it < 60",
        "ignore-all-say: ignore-all + say-it < 40",
        "stop-say: stop + say-it < 14",
        "exempt-rules: rules + exempt < 60 any",
        "exempt-agent: agent + exempt < 110 any",
    ),
    *_rules(
        "task",
        "your-task: your-task",
        "praise-task: stop + your-task < 90",
        "threat: threat",
        "restricted: restricted",
        "pretend-you: pretend-you",
        "marked-task: stated-mark + new-task < 50",
        "l-praise-task: l-praise + l-new-task < 90",
        "l-new-task: l-new-task",
    ),
    *_rules(
        "probe",
        "ask-personal: ask + personal < 60",
        "ask-password: ask + password < 50",
        "pretend-personal: pretend-you + personal < 200",
        "pretend-secret: pretend-you + secret < 160",
        "encode-personal: personal + encoding < 60 any",
    ),
    *_rules(
        "language",
        "l-ignore-rules: l-ignore + l-rules < 70 any",
        "l-ignore-english-rules: l-ignore + instructions < 60 any",
        "l-now: l-now",
        "l-free: l-free",
        "l-reveal-prompt: l-reveal + l-secret < 60 any",
        "l-every-answer: l-role-line + l-every-answer < 140",
        "l-role-approve: l-role-line + l-approve < 80",
        "l-role-ignore: l-role-line + l-ignore < 80",
        "l-remember-admin: l-admin + l-approve < 70",
        "marked-rules: stated-mark + l-foreign < 40",
        "s-ignore-rules: s-ignore + s-rules < 120 any",
        "s-now: s-now",
        "s-ask-secret: s-ask + s-secret < 120 any",
        "s-system-rules: s-secret + s-rules < 40 any",
        "s-english: s-ignore + instructions < 90 any",
    ),
    *_rules(
        "role",
        "you-are-now: you-are-now",
        "from-now-on-you: from-now-on + you < 40 any",
        "agent-unlimited: agent + unlimited < 110 any",
        "act-unlimited: act-as + unlimited < 110 any",
        "you-unlimited: you + unlimited < 34",
        "act-as-agent: act-as + agent < 60",
        "act-anything: act-as + anything < 160",
        "want-you-act: want-you-act",
        "persona-anything: anything",
        "dan: dan + agent < 120 any",
        "dan-act: dan + act-as < 90 any",
        "dan-you: dan + you-are-now < 90 any strong",
        "never-refuse: never-refuse + agent < 200 any",
        "never-refuse-illegal: never-refuse + illegal < 200 any",
        "agent-illegal: agent + illegal < 120 any",
        "act-illegal: act-as + illegal < 140 any",
        "fiction-illegal: fiction + illegal < 160 any",
        "fiction-unlimited: fiction + unlimited < 160 any",
        "fiction-rules: fiction + rules < 140 any",
        "fiction-secret: fiction + secret < 200 any",
        "act-secret: act-as + secret < 160 any",
        "two-answers: two-answers + agent < 200 any",
        "gpt-label: gpt-label + must < 300 any",
        "oath: swear-oath",
        "claimed-role: claimed",
    ),
    *_rules(
        "mode",
        "mode-enabled: enabled + mode < 50 any",
        "mode-you: you + mode < 60",
        "mode-unlimited: mode + unlimited < 120 any",
        "override-noun: override-noun",
        "mode-reveal: mode + reveal < 120",
    ),
    *_rules(
        "delimiter",
        "template: template",
        "tag-you: tag + you < 80",
        "thinking-cleared: tag-thinking + cleared < 220 any",
        "tag-ignore: tag + ignore < 100",
        "tag-reveal: tag + reveal < 80",
        "role-line-you: role-line + you < 90",
        "role-line-ignore: role-line + ignore < 90 strong",
        "role-line-reveal: role-line + reveal < 80",
        "role-line-send: role-line + send < 80",
        "role-line-call: role-line + call < 60",
        "role-line-approve: role-line + approve < 80",
        "boundary-role: boundary + role-line < 60",
        "boundary-ignore: boundary + ignore < 160",
        "boundary-you: boundary + you < 90",
        "banner-instructions: banner + instructions < 50",
        "banner-new: banner + new-task < 40",
        "banner-ignore: banner + ignore < 80",
        "banner-must: banner + must < 100",
        "puppetry: puppetry",
        "role-json: role-json",
        "assistant-says: assistant-says",
    ),
    *_rules(
        "leak",
        "reveal-prompt: reveal + system-prompt < 70 strong",
        "reveal-verbatim: reveal + verbatim < 90",
        "prompt-verbatim: instructions + verbatim < 60 any",
        "written-above: reveal + written-above < 70",
        "written-above-answer: written-above + system-prompt < 90 any",
        "ask-secret: reveal + your-secret < 60",
        "reveal-secret: disclose + secret < 50",
        "encode-secret: encoding + secret < 120 any",
        "claimed-secret: claimed + secret < 160 any",
        "encode-answer: reveal + in-encoding < 70",
    ),
    *_rules(
        "exfil",
        "send-secret-out: send-out + secret + evil-host < 90",
        "send-secret: send-out + secret < 30",
        "image-exfil: image-exfil",
        "url-slot: url-slot",
        "evil-host: evil-host",
        "add-to-every: add-to-answer + every-answer < 90 any",
        "add-string: add-to-answer + verbatim-string < 50",
    ),
    *_rules(
        "conceal",
        "hide-from-user: hide + user < 40",
        "hide-prompt: hide + instructions < 60",
        "hidden-css: hidden-css + you < 120",
        "comment-ignore: comment-open + ignore < 60 strong",
        "comment-prompt: comment-open + system-prompt < 80",
        "comment-agent: comment-open + agent < 40",
        "comment-reply: comment-open + before-reply < 60",
        "comment-mode: comment-open + mode < 60",
    ),
    *_rules(
        "tool",
        "must-call-tool: must + tool-name < 50",
        "role-call-tool: role-line + tool-name < 60",
        "note-call-tool: note-to + tool-name < 120",
        "call-tool-no-approval: tool-name + without + approval < 60 any strong",
        "no-approval: without + consent < 26",
        "approve-all: approve + privilege < 50",
        "claimed-proceed: claimed + without < 120",
        "before-reply-must: before-reply + must < 70 any",
        "before-reply-call: tool-name + before-reply < 100 any",
        "before-reply-add: before-reply + add-to-answer < 60 any",
        "before-reply-reveal: before-reply + reveal < 60 any",
        "test-frame: test-frame",
        "must-comply: must + comply < 40",
        "note-to: note-to",
        "agents-reading: agents-reading",
        "agents-reading-must: agents-reading + must < 90 strong",
        "note-to-must: note-to + must < 120 strong",
        "note-to-ignore: note-to + ignore < 120 strong",
        "remember: remember + for-ever < 80",
        "tool-output-role: tool-output + role-line < 30 strong",
        "tool-output-ignore: tool-output + ignore < 60 strong",
        "other-tenant: other-tenant + reveal < 80 any",
    ),
    *_rules(
        "disguise",
        "decode-and-do: decode + do-it < 140 strong",
        "decode-encoding: decode + encoding < 60",
        "encoding-do: encoding + do-it < 120",
        "rot: rot",
        "reversed: reversed",
        "compact: compact",
    ),
)


_PIECES: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]| \?| ", re.DOTALL)


def expand(pattern: str) -> bytes:
    """A pattern of this file in Hyperscan's own syntax, over UTF-8 bytes. Blanks inside [...] stay blanks."""
    if not pattern.isascii():
        return pattern.encode()
    gaps = {" ": "[^a-z0-9]{1,4}", " ?": "[^a-z0-9]{0,3}"}
    return _PIECES.sub(lambda piece: gaps.get(piece[0], piece[0]), pattern).encode()
