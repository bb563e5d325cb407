//! S8: honest texts that look hostile: long role plays, operators' prompts, manuals of software around language models,
//! records that tools return.
//!
//! Never: an instruction that would steer the assistant away from its operator or its user.

use super::grammar::Slot;

/// Slots whose texts a user may well write.
pub const BY_USER: &[&str] = &[
    "long_role",
    "long_role",
    "long_role",
    "console_role",
    "exercise",
    "intent_bot",
    "code_talk",
];

/// Slots of honest data.
pub const IN_DATA: &[&str] = &[
    "llm_manual",
    "llm_manual",
    "llm_manual",
    "llm_manual",
    "record",
    "record",
    "rest_api",
    "spec_list",
    "issue_text",
    "letter",
];

pub const HARD: &[Slot] = &[
    (
        "long_role",
        &[
            "~I want you to act as|I want you to act like|Act as|I would like you to act as|You will act as|I need you to act as|Please act as|Assume the role of|I'd like you to be~ ~a|an|my~ @job@. @role_line@ @role_line@ @role_line@ @role_end@",
            "~I want you to act as|Act as|You are~ ~a|an~ @job@. @role_line@ @role_line@ @role_line@ @role_line@ @role_line@ @role_end@",
            "I want you to act as ~a|an~ @job@. @role_line@ @role_end@",
            "~I want you to translate|I want you to rewrite|I want you to turn~ ~the sentences I write|my text|my words~ into ~emojis|a new made-up language|formal English|Morse code|pirate talk~. @role_line@ @role_line@ @role_end@",
        ],
    ),
    (
        "role_line",
        &[
            "I will ~provide|give|send|tell~ you ~with all the information about my problem|a topic|a text|some details|a theme|my symptoms|a title~~, and it will be your job to|, and you will|. You should~ ~come up with|suggest|write|explain|create|develop|design|correct~ ~strategies|a plan|an answer|a menu|an essay|a solution|a story~.",
            "Your ~role|task|job|goal~ is to ~solve my problem|create an essay|help me improve|entertain the audience|answer my questions|teach beginners|find mistakes|give advice~.",
            "You should ~use your knowledge of|be able to explain|also include|be creative with|avoid~ ~@topic@|technical terms|examples|humour|too many details~.",
            "I want you to only reply with ~the output|the correction, the improvements|the translation|one line|the terminal output inside one unique code block~~,| and~ ~and nothing else|no explanations~.",
            "Do not ~write explanations|write any explanations or other words|type commands unless I instruct you to do so|repeat my question|ask me questions until I am done|include personal opinions|add any introduction|break the format|write all the conversation at once~.",
            "You will not ~explain|answer anything else|mention that you are an AI|write comments|give additional information~.",
            "~Ask me the questions and wait for my answers|Ask me one by one like an interviewer does|Let me answer, then continue|Wait for my next message before you start~.",
            "When I ~need|want~ to tell you something ~in English|else|outside the game~, I will ~do so by putting text inside curly brackets {like this}|wrap it in brackets|use square brackets [like this]~.",
            "I want you to keep ~your reply neat|the meaning same|the tone friendly|answers short~~, limiting the reply to 100 words||~.",
            "You must ~always answer in rhymes|use a formal tone|explain every step|answer with a question|stay in character|strictly correct my grammar mistakes|base it on facts~.",
            "You will ~ignore|randomly ignore|leave out~ ~what I said and go on about yourself|punctuation|the rules of grammar|greetings~ ~like a drunk person would|as the character does|~.",
            "Your ~answers|replies|responses~ should ~be short|contain only code|be like a real @job@'s|start with a greeting|use simple words|be in @language@~.",
            "~Never|Always~ ~say you are a program|speak first|end with a question|use bullet points|give sources~.",
            "If ~there is nothing to say|I make a mistake|I say stop|the input is wrong~, ~say nothing|tell me|end the game|ask again~.",
            "~Firstly|First|Then|Lastly~, ~I will give you a title|you give me a prompt|list three ideas|summarise the plot|write the first chapter~.",
            "~Provide|Include|Describe|Mention~ ~detailed instructions on how to cook it|the best practices|the rules of the game|the steps and the materials|what the character sees~.",
        ],
    ),
    (
        "role_end",
        &[
            "My first ~request|sentence|question|command|suggestion request|title|theme|word|message~ is ~\"~Hello|I need help with @topic@|pwd|What is @topic@?|I feel sad|Write about @topic@~\"|@topic@|: @topic@~.",
            "~Reply \"OK\" if you understand.|Let's start.|Are you ready?|Begin with @topic@.||~",
        ],
    ),
    (
        "console_role",
        &[
            "I want you to act ~as|like~ a ~Python interpreter|Linux terminal|SQL console|PHP interpreter|text based game|JavaScript console|spreadsheet|regex generator|Solr search engine|terminal for R~. I will ~type commands|give you code|write expressions|send queries~ and you will ~reply with what the terminal should show|execute it|respond with the result~. @role_line@ @role_line@ My first ~command|code|query~ is ~print('hello')|ls|SELECT * FROM orders|2+2|look around~.",
        ],
    ),
    (
        "exercise",
        &[
            "~Given|Read|For~ ~a dialogue|the story|the following code|a sentence|some opinions|the text~~,| and| below,~ ~classify whether|decide if|answer whether|say if~ ~the customer is satisfied|there is a syntax error|it is spam|the claim is supported~. You ~should|must|can~ ~respond|answer|output~ ~with \"Yes\" or \"No\"|\"true\" or \"false\"|with one label only~.\n@facts@",
            "~Replace|Fill in|Expand|Correct|Complete~ ~the <mask> token|the outline|the TODO comment|the blank|the sentence~ ~with proper words|into an article|in the text|below~.\n@facts@\nOutput:",
            "This is a test ~of your reading ability|for the French exam|of memory~. ~Read the text carefully and answer the question at the end.|Follow the instructions.~\n@facts@",
            "Answer the following ~question|questions as best you can~. ~You have access to the following tools: search, calculator.|Use the following format: Question, Thought, Action, Observation.|~ ~@fact@ What does it mean?|How do you say \"good evening\" in @language@?~",
            "Step 1: ~read the text|list the facts|think about the question~. Step 2: ~ignore what is not relevant|write your answer|check the rules~. ~Text: @facts@|Now do it.~",
        ],
    ),
    (
        "intent_bot",
        &[
            "~As a chatbot|I am a chatbot and|For our assistant|In my bot~, ~I need to identify|I'd like to return|help me find~ the ~right intent|correct answer|code~ for ~each of these queries|a user query~: [hello, ~I want to transfer funds|show my balance|cancel my order|reset my password~, ~goodbye|delete my account|talk to an agent~].",
            "~Can you send|Send|Fetch~ a ~GET|POST~ request to 'https://api.example.com/~intent|users|orders~' ~with the header X-Key|for the following items|and show the response~~: [get_balance, transfer_funds]|~.",
            "Functions to use: ['~multiply|add|search|send_email~', '~sub|delete|get_user~']. ~Only use the mentioned functions.|Query: @topic@|What should be called?~",
        ],
    ),
    (
        "code_talk",
        &[
            "~Write|Generate|Give me|Fix~ ~a function|a script|a query|an API|a test~ that ~sends an e-mail to all users|deletes old records|executes a shell command|calls the payment API|grants a role|prints the config|resets the password of a user|ignores case|reads the environment variables|forwards messages to a webhook~.",
            "list ~files in d drive|all running processes|the users of the group~ and ~make a file called testing.txt|save the output|delete the temporary ones~.",
        ],
    ),
    (
        "llm_manual",
        &[
            "@llm_line@ @llm_line@",
            "@llm_line@ @llm_line@ @llm_line@ @llm_line@",
            "- @llm_line@\n- @llm_line@\n- @llm_line@",
            "## ~Usage|Overview|How it works|Configuration|Limitations|Prompts|Security~\n\n@llm_line@ @llm_line@\n\n```~python|yaml|bash|~\n~model = load(\"base\")|instructions: be helpful|client.chat(messages)|rails: [input, output]|run --config config.yml~\n```\n@llm_line@",
        ],
    ),
    (
        "llm_line",
        &[
            "The ~LLM|model|assistant|agent|bot|chatbot~ ~should|must|will|can|may~ ~only access the tools it needs|generate a response|follow the system prompt|refuse harmful requests|decide the next step|call an external API|ignore empty messages|return a structured output~.",
            "~Use|Set|Pass|Override|Change~ the ~`system_prompt`|`instructions`|`messages`|`temperature`|`prompt`|`role`~ ~parameter|field|setting~ to ~control the behaviour of the assistant|give the model its instructions|change the default~.",
            "The ~prompt|message|instruction|user utterance|output~ is ~sent to|checked by|returned from|parsed by~ the ~model|guard|dispatch engine|provider~~ before it is shown to the user||~.",
            "~By default|Optionally|In this mode~, ~all messages are checked|the system message is prepended|the previous messages are included|the input rails are disabled|the token limit applies~.",
            "~Users|Developers|Attackers|Operators~ ~can|may|could|should not~ ~define their own rules|provide additional instructions|see the system prompt|bypass the checks|change the policy|extract data from the model~.",
            "~This|The~ ~guardrail|scanner|detector|wrapper|class|endpoint~ ~returns a score|wraps the model|supports several languages|flags unsafe content|takes a prompt and an output|requires an API key~ ~between 0 and 1|and a verdict|for each message|~.",
            "~Any|All~ ~keys|passwords|tokens|credentials|secrets~ ~should|must~ ~be kept on the server|never be sent to the model|be removed from the output|only be accessible to the internal service~.",
            "~Model card|License|Paper|Reference~: https://example.com/~models/base|abs/2401.00001|docs~ ~(default)|, 2024|~.",
            "If ~authorisation is required|the user is not allowed|the request is refused|a rule matches~, ~the call runs in the context of the user|the agent must ask for confirmation|a default message is returned|the next rule is evaluated~.",
            "We ~evaluate|compare|test|fine-tune~ the ~model|detector|assistant~ on ~the dataset|prompts that ask it to ignore its rules|1,000 samples|benign and malicious prompts~.",
            "~Do not|Never|Always|Please~ ~report security issues in public|send sensitive data to the model|validate the output of the model|include the version in your report|treat retrieved documents as untrusted~.",
            "~Note that|Remember that|In practice~ ~the instructions in the prompt are not a security boundary|larger models follow instructions better|the assistant may still reveal parts of its prompt|every tool call is logged~.",
            "`~prompt|llm|verbose|config|messages~`: ~the prompt to be used|the engine to use|whether logging is verbose|the history of messages|an optional list of rules~.",
            "1. ~Generate the user intent|Decide the next step|Execute the tool|Check the output|Load the instructions~.",
        ],
    ),
    (
        "record",
        &[
            "Domain Name: example-@number@.com\nRegistrar URL: https://registrar.example.net\nUpdated Date: 2024-0~1|5|9~-1~2|7~T08:16:30Z\nRegistrar Abuse Contact Email: @mail@\nDomain Status: ~ok|clientTransferProhibited https://icann.example/epp~\nRegistrant Name: ~REDACTED FOR PRIVACY|@name@~\nAdmin Email: ~Please contact the registrar listed above|@mail@~\nName Server: ns1.example.org\n>>> Last update of database: 2024 <<<\n@record_terms@",
            "Name: @name@\nAddress: @number@ Main Street\nE-mail: @mail@\nStatus: ~active|suspended|pending~\nNote: @fact@",
            "HTTP/1.1 ~200 OK|403 Forbidden|404 Not Found~\nContent-Type: ~text/html|application/json~\nSet-Cookie: session=hidden\n\n@fact@",
            "commit ~a1b2c3d|99ffee0~\nAuthor: @name@ <@mail@>\n\n    ~Ignore empty rules|Remove old instructions|Override the default prompt|Fix token refresh|Reset state on error|Skip system messages in the log~",
            "PID USER COMMAND\n1 root /sbin/init\n@number@ ~admin|www~ ~nginx|python run.py --ignore-errors|bash~",
            "From @mail@ Mon\nSubject: ~newsletter|your invoice|password reset~\nUnsubscribe: https://example.com/u?id=@number@\n\n@facts@ ~If you no longer wish to receive these e-mails, click here.|Do not reply to this message.|~",
        ],
    ),
    (
        "record_terms",
        &[
            "~NOTICE|TERMS OF USE|Please note~: ~You are not authorized to access or query our database through the use of|You agree that you will use this data only for lawful purposes and will not use~ ~electronic processes that are high-volume and automated|it to send unsolicited e-mail~. ~All rights reserved. By submitting a query you agree to abide by this policy.|The registry reserves the right to modify these terms at any time.|For more information, please visit https://example.com/epp~",
            "URL of the problem reporting system: http://reports.example.net/",
            "",
        ],
    ),
    (
        "rest_api",
        &[
            "[{\"name\":\"~requests.get|payments.request|users.info~\",\"description\":\"~Sends an HTTP GET request to retrieve a list|Initiates a payment request to a specified receiver|Retrieve details for a specific user by their unique identifier~.\",\"parameters\":{\"type\":\"dict\",\"required\":[\"~url|receiver|user_id~\"],\"properties\":{\"~url|receiver~\":{\"type\":\"string\",\"description\":\"~The URL to send the request to, must be https://api.example.com/v1|The name or e-mail of the receiver, must be a known contact|If set to true, the data is private~\"},\"~verify|all~\":{\"type\":\"boolean\",\"default\":true}}}}]",
            "GET /~users|orders|messages~?~all=true|limit=10|ignore=none~ -> {\"~user|order~\":{\"id\":@number@,\"role\":\"~admin|system|assistant|user~\",\"note\":\"@fact@\"}}",
        ],
    ),
    (
        "spec_list",
        &[
            "Options:\n  --ignore-case   ignore case\n  --all           show all items\n  --output FILE   write the output to FILE\n  --system        use the system configuration\n  --~force|reset|token TOKEN~    ~override existing files|reset to defaults|the API token~",
            "~role|system|prompt|instructions~: ~string, optional|list of messages~\n  ~The instructions for the model.|The role of the author, either user or assistant.|Overrides the default prompt.~",
        ],
    ),
    (
        "issue_text",
        &[
            "~Describe the bug|Expected behaviour|Steps~: ~the assistant ignores the system prompt|the bot repeats its instructions|the agent calls the wrong tool|the model answers in English although told to use @language@~~ when I send a long message| since version @number@|~. ~To reproduce, run the example.|Please complete the following steps.|Thanks for looking into it!~",
        ],
    ),
    (
        "letter",
        &[
            "Dear @name@,\n\n@facts@ ~You must|Please|We kindly ask you to~ ~pay the amount of @number@ euros to our account|send the signed form to @mail@|return the keys|confirm your address|ignore this letter if you have already paid|call our office before @day@~. @fact@\n\nYours sincerely,\n@name@, @company@",
        ],
    ),
];
